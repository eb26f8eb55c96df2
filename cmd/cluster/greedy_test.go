package cluster_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
)

const (
	greedyUser        = 1
	greedyConnections = 8
	// othersBound is how long another's revocation may take until it is answered, and after that until it holds.
	othersBound = 100 * time.Millisecond
	backlog     = 50_000
)

// TestOneUserDelaysNobodysRevocations: one user makes and ends grants as fast as the servers let him, 50,000 of his
// revocations wait to be delivered, and six others take their own access back meanwhile, as they did before.
func TestOneUserDelaysNobodysRevocations(t *testing.T) {
	in := install(t)
	greedy, others := in.register(), in.register()
	before := in.takeBackAtOnce(others, time.Now().Add(time.Duration(size(2, 60))*time.Second))
	stop := make(chan struct{})
	var attack sync.WaitGroup
	var made atomic.Int64
	for i := range greedyConnections {
		attack.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
				}
				in.beGreedy(greedy, in.authz[i%len(in.authz)], round)
				made.Add(1)
			}
		})
	}
	in.leaveUndelivered(backlog)

	began := time.Now()
	var during takenBack
	var six sync.WaitGroup
	six.Go(func() {
		during = in.takeBackAtOnce(others, began.Add(time.Duration(size(8, 120))*time.Second))
	})
	drained := in.awaitDelivery(began)
	six.Wait()
	close(stop)
	attack.Wait()

	t.Logf("%d grants made and ended by one user; %d waiting revocations delivered in %v; revocations of others before: %v; meanwhile: %v",
		made.Load(), backlog, drained, before, during)
	require.Empty(t, before.failures)
	require.Empty(t, during.failures)
	// The worst of a minute is the disk's or the machine's, also when nobody attacks.
	usual, worst := max(othersBound, 2*percentile(before.answered, 99)), max(othersBound, 2*percentile(before.answered, 100))
	if !*full {
		usual, worst = max(usual, maxStaleness), max(worst, maxStaleness)
	}
	require.Less(t, percentile(during.answered, 99), usual)
	require.Less(t, percentile(during.answered, 100), worst)
	require.Less(t, percentile(during.held, 100), othersBound)
}

// takenBack is what six users saw who took their own access back again and again: how long each time took until it was
// answered, and after that until it held, both sorted.
type takenBack struct {
	answered, held []time.Duration
	failures       []string
}

func (b takenBack) String() string {
	return fmt.Sprintf("%d, answered in p50 %v, p99 %v, max %v, held after the answer p99 %v, max %v", len(b.answered),
		percentile(b.answered, 50), percentile(b.answered, 99), percentile(b.answered, 100), percentile(b.held, 99), percentile(b.held, 100))
}

func percentile(sorted []time.Duration, of int) time.Duration { return sorted[(len(sorted)-1)*of/100] }

func (in *installation) takeBackAtOnce(a application, until time.Time) (all takenBack) {
	var mu sync.Mutex
	var six sync.WaitGroup
	for i := range 6 {
		six.Go(func() {
			for time.Now().Before(until) {
				took, holds, err := in.takeBack(a, 100+i, in.authz[i%len(in.authz)])
				mu.Lock()
				if err != nil {
					all.failures = append(all.failures, err.Error())
				}
				all.answered, all.held = append(all.answered, took), append(all.held, holds)
				mu.Unlock()
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	six.Wait()
	slices.Sort(all.answered)
	slices.Sort(all.held)
	return all
}

// beGreedy makes a grant and ends it in one of the ways that a user has, without minding the answers.
func (in *installation) beGreedy(a application, at *server, round int) {
	g, err := a.consentAt(at.url(), greedyUser)
	if err != nil {
		return
	}
	switch round % 4 {
	case 0:
		_, _ = revokeAt(at, g, g.access)
	case 1: // and its grant is left to be replaced
	case 2:
		proof, _ := userJWT(greedyUser)
		_, _ = send(http.MethodDelete, at.url()+"/clients/"+a.id, "Bearer "+proof, "", "")
	default:
		_, _ = revokeAt(at, g, g.refresh)
	}
}

// leaveUndelivered makes revocations of the greedy user wait, as after an outage of Redis.
func (in *installation) leaveUndelivered(count int) {
	in.t.Helper()
	in.exec(`INSERT INTO gatehouse.revocations (kind, id, subject, turn, expires_at, created_at, delivered)
		SELECT 'grant', md5('waiting' || i), $1, least(i, 1000), now() + interval '1 year', now(), false FROM generate_series(1, $2::int) AS i`,
		fmt.Sprint(greedyUser), count)
}

func (in *installation) exec(statement string, args ...any) {
	in.t.Helper()
	db, err := sql.Open("pgx", in.database)
	require.NoError(in.t, err)
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(in.t.Context(), statement, args...)
	require.NoError(in.t, err)
}

// awaitDelivery returns how long it took until nothing of the backlog was left.
func (in *installation) awaitDelivery(since time.Time) time.Duration {
	in.t.Helper()
	db, err := sql.Open("pgx", in.database)
	require.NoError(in.t, err)
	defer func() { _ = db.Close() }()
	require.Eventually(in.t, func() bool {
		var left bool
		err := db.QueryRowContext(in.t.Context(),
			"SELECT EXISTS (SELECT 1 FROM gatehouse.revocations WHERE NOT delivered AND id = ANY (ARRAY(SELECT md5('waiting' || i) FROM generate_series(1, $1::int) AS i)))",
			backlog).Scan(&left)
		return err == nil && !left
	}, 10*patience, time.Second)
	return time.Since(since)
}

// takeBack makes a grant, waits until it serves and takes it back. It returns how long that took to be answered, and how long
// after the answer a gateway let it pass last.
func (in *installation) takeBack(a application, user int, at *server) (answered, held time.Duration, err error) {
	g, err := a.consentAt(at.url(), user)
	if err != nil {
		return 0, 0, err
	}
	for _, gateway := range in.gateways {
		if status := balance(gateway.url(), g.access); status != http.StatusOK {
			return 0, 0, fmt.Errorf("%s answers %d to a good token", gateway.name, status)
		}
	}
	began := time.Now()
	if _, err := succeed(http.StatusOK)(revokeAt(at, g, g.refresh)); err != nil {
		return time.Since(began), 0, err
	}
	done := time.Now()
	for _, gateway := range in.gateways {
		for {
			asked := time.Since(done)
			status := balance(gateway.url(), g.access)
			if status == http.StatusUnauthorized {
				break
			}
			if status == http.StatusOK {
				held = max(held, asked)
			}
			if asked > patience {
				return done.Sub(began), asked, fmt.Errorf("%s has not learned of a revocation", gateway.name)
			}
		}
	}
	return done.Sub(began), held, nil
}
