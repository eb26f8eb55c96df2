package cluster_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/registry"
)

var spendSeed = flag.Uint64("seed", 0, "what TestNothingIsSpentBeyondABudget begins with, to see a run again; 0: another each time")

const (
	spendClients, spendUsers = 5, 10
	// spendLimit is what each of them may spend in a window: some four payments.
	spendLimit = 80
)

// TestNothingIsSpentBeyondABudget lets 50 applications pay from small budgets, through three gateways that ask two authorization
// servers, from a wallet that says what it likes; kills and stops every process meanwhile, and moves over the end of each budget's
// window. What the wallet has paid never exceeds a budget. When all is quiet again, what is written down is what was paid.
func TestNothingIsSpentBeyondABudget(t *testing.T) {
	for round := range size(1, 40) {
		seed := *spendSeed
		if seed == 0 {
			seed = rand.Uint64N(1 << 40)
		}
		t.Run(fmt.Sprint("round ", round+1), func(t *testing.T) {
			t.Logf("go test ./cmd/cluster -run %s -seed %d", strings.Split(t.Name(), "/")[0], seed)
			spendAndBreak(t, seed, time.Duration(size(60, 75))*time.Second)
		})
	}
}

func spendAndBreak(t *testing.T, seed uint64, lasts time.Duration) {
	wallet := newSpendWallet(t, seed)
	in := install(t, wallet.routes(), patientMirror)
	b := in.openBooks(t)
	chance := rand.New(rand.NewPCG(seed, 0))
	purses := in.allowSpending(t, chance, time.Now().Add(lasts/3), lasts/3)

	s := in.startSpenders(seed, purses)
	t.Cleanup(s.end)
	watched := make(chan struct{})
	var watch sync.WaitGroup
	var broken []string // after the watch has ended
	watch.Go(func() {
		for {
			select {
			case <-watched:
				return
			case <-time.After(200 * time.Millisecond):
			}
			unbalanced, err := b.unbalanced() // with an error, Postgres is away
			if err == nil && len(broken) < maxBroken {
				broken = append(broken, unbalanced...)
			}
			if err := wallet.exceeded(purses); err != nil && len(broken) < maxBroken {
				broken = append(broken, err.Error())
			}
		}
	})
	in.breakFor(t, chance, lasts)
	in.awaitHealth()
	s.end()
	close(watched)
	watch.Wait()
	t.Logf("answers:%s; the wallet: %v", s.summary(), wallet.counts)
	require.Empty(t, broken)
	require.Empty(t, s.wrong)

	require.Eventually(t, wallet.isAtRest, patience, tick)
	in.awaitSettled(t, b)
	require.NoError(t, wallet.exceeded(purses))
	require.Empty(t, wallet.wrong)
	unbalanced, err := b.unbalanced()
	require.NoError(t, err)
	require.Empty(t, unbalanced)
	entries := b.entries(t)
	requireTrue(t, entries, wallet.truth(), purses)
	in.requireSpendable(t, wallet, entries, purses)
}

// allowSpending makes the applications' grants and budgets. The window of each ends at some time after begin.
func (in *installation) allowSpending(t *testing.T, chance *rand.Rand, begin time.Time, spread time.Duration) map[purse]allowance {
	t.Helper()
	db, err := registry.Open(t.Context(), in.database, registry.WithTimeout(patience))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	purses := map[purse]allowance{}
	for range spendClients {
		a := in.register()
		for user := range spendUsers {
			g, err := a.consentTo("payments:send", in.issuer, user+1)
			require.NoError(t, err)
			from := allowance{grant: g, limit: spendLimit, renews: begin.Add(time.Duration(chance.Int64N(int64(spread)))).Truncate(time.Microsecond)}
			who := from.purse()
			_, err = db.SetBudget(t.Context(), registry.Budget{
				BudgetKey: registry.BudgetKey{Subject: who.subject, ClientID: who.client, Unit: "sat"},
				Most:      from.limit, MostAtOnce: registry.NoLimit, Period: string(budget.Day), AnchoredAt: from.renews.AddDate(0, 0, -1),
			}, budget.WindowsIn(time.UTC))
			require.NoError(t, err)
			purses[who] = from
		}
	}
	return purses
}

// breakFor kills, or stops for a while, one or two processes after another.
func (in *installation) breakFor(t *testing.T, chance *rand.Rand, lasts time.Duration) {
	t.Helper()
	var victims []*process
	for _, s := range in.servers() {
		victims = append(victims, s.process, s.process)
	}
	victims = append(victims, in.postgres, in.postgres, in.postgres, in.redis.process)
	for began := time.Now(); time.Since(began) < lasts; {
		time.Sleep(time.Duration(200+chance.IntN(1000)) * time.Millisecond)
		var first, then, last []func() // what is stopped goes on, then comes what others need to start
		var names []string
		hit := map[*process]bool{}
		for range 1 + chance.IntN(2) {
			p := victims[chance.IntN(len(victims))]
			isStopped := chance.IntN(3) == 0
			if hit[p] {
				continue
			}
			hit[p] = true
			if isStopped {
				names = append(names, "SIGSTOP "+p.name)
				p.signal(syscall.SIGSTOP)
				first = append(first, func() { p.signal(syscall.SIGCONT) })
			} else {
				names = append(names, "SIGKILL "+p.name)
				p.kill()
				if p == in.postgres || p == in.redis.process {
					then = append(then, p.start)
				} else {
					last = append(last, p.start)
				}
			}
		}
		pause := time.Duration(50+chance.IntN(1500)) * time.Millisecond
		t.Logf("%v: %s, for %v", time.Since(began).Round(time.Millisecond), strings.Join(names, ", "), pause)
		time.Sleep(pause)
		for _, one := range slices.Concat(first, then, last) {
			one()
		}
	}
}

// awaitSettled lets time pass until the authorization servers have found out what became of everything that can be asked for.
func (in *installation) awaitSettled(t *testing.T, b *books) {
	t.Helper()
	require.Eventually(t, func() bool {
		b.passTime(t)
		for _, e := range b.entries(t) {
			if e.state == "held" || e.reference != "" && e.state == "unknown" {
				return false
			}
		}
		return true
	}, 2*patience, 500*time.Millisecond, "nobody finds out what became of payments")
}

// requireSpendable holds some budgets to what should be left of them: just that can be spent, and no more.
func (in *installation) requireSpendable(t *testing.T, wallet *spendWallet, entries []entry, purses map[purse]allowance) {
	t.Helper()
	tried := 0
	for who, from := range purses {
		left := from.limit
		for _, e := range entries {
			if e.purse == who && !e.reserved.Before(from.renews) && e.state != "voided" {
				if left -= e.posted; e.state == "unknown" {
					left -= e.held
				}
			}
		}
		at := in.gateways[tried%len(in.gateways)]
		refused := in.pay(at, from, "/payments", payment{Reference: "more-than-is-left-" + who.subject + who.client, Amount: left + 1}, 0)
		require.Equal(t, paid{status: http.StatusForbidden, code: "budget_exceeded", remaining: left}, refused)
		if left > 0 {
			passes := in.pay(at, from, "/payments", payment{Reference: wallet.referenceFor("paid"), Amount: left}, 0)
			require.Equal(t, http.StatusOK, passes.status, "%+v", passes)
		}
		if tried++; tried == 2*len(in.gateways) {
			return
		}
	}
}
