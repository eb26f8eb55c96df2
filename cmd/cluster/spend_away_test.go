package cluster_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/registry"
)

// TestNoPaymentIsSentWithoutAHold takes away what a payment needs, and the gateway in the middle of it. What is not written down
// is not sent; what was written down is not lost.
func TestNoPaymentIsSentWithoutAHold(t *testing.T) {
	wallet, deaf := newSpendWallet(t, 1), newDeafOrigin(t)
	in := install(t, wallet.routes(), wallet.routeTo("/deaf", "http://"+deaf.address, "/payments"), patientMirror)
	b := in.openBooks(t)
	from := in.allowAtOnce(t, 1000)
	sure := func(name string) payment { return payment{Reference: wallet.referenceFor(name), Amount: 10} }
	unavailable := paid{status: http.StatusServiceUnavailable, code: "budget_unavailable"}
	requirePaid := func(t *testing.T, p payment) {
		t.Helper()
		in.awaitHealth()
		require.Eventually(t, func() bool {
			got := in.pay(in.gateways[0], from, "/payments", p, 0)
			return got.status == http.StatusOK
		}, patience, 10*tick)
	}

	t.Run("Postgres", func(t *testing.T) {
		p := sure("paid")
		in.postgres.kill()
		for _, at := range in.gateways {
			require.Equal(t, unavailable, in.pay(at, from, "/payments", p, 0))
		}
		require.Zero(t, wallet.tried(p))
		in.postgres.start()
		requirePaid(t, p)
		require.Equal(t, 1, wallet.tried(p))
	})
	t.Run("the authorization servers", func(t *testing.T) {
		p := sure("paid")
		for _, s := range in.authz {
			s.kill()
		}
		require.Equal(t, unavailable, in.pay(in.gateways[1], from, "/payments", p, 0))
		require.Zero(t, wallet.tried(p))
		for _, s := range in.authz {
			s.start()
		}
		requirePaid(t, p)
		require.Equal(t, 1, wallet.tried(p))
	})
	t.Run("an answer about the hold", func(t *testing.T) {
		p := sure("paid")
		for _, s := range in.authz {
			s.signal(syscall.SIGSTOP)
		}
		require.Equal(t, unavailable, in.pay(in.gateways[2], from, "/payments", p, 0))
		require.Zero(t, wallet.tried(p))
		for _, s := range in.authz {
			s.signal(syscall.SIGCONT) // and it is written down, perhaps
		}
		requirePaid(t, p)
		require.Equal(t, 1, wallet.tried(p))
	})
	t.Run("the gateway, between the hold and the first byte", func(t *testing.T) {
		p := payment{Reference: wallet.referenceFor("paid"), Amount: 900}
		answered := make(chan paid)
		go func() { answered <- in.pay(in.gateways[0], from, "/deaf", p, 0) }()
		require.Eventually(t, func() bool { return b.stateOf(t, p) == "held" }, patience, tick)
		in.gateways[0].kill()
		require.Equal(t, paid{}, <-answered)
		exceeded := in.pay(in.gateways[1], from, "/payments", payment{Reference: "beside-it", Amount: 900}, 0)
		require.Equal(t, "budget_exceeded", exceeded.code, "it counts as long as nobody knows better")
		in.gateways[0].start()
		deaf.hear(t, wallet.Config.Handler)
		b.awaitState(t, p, "voided")
		require.Zero(t, wallet.tried(p))
	})
	t.Run("the gateway, after the last byte", func(t *testing.T) {
		p := sure("paid late")
		answered := make(chan paid)
		go func() { answered <- in.pay(in.gateways[1], from, "/payments", p, 0) }()
		require.Eventually(t, func() bool { return wallet.tried(p) == 1 }, patience, tick)
		in.gateways[1].kill()
		require.Equal(t, paid{}, <-answered)
		require.Equal(t, "held", b.stateOf(t, p))
		in.gateways[1].start()
		b.awaitState(t, p, "posted")
		require.Equal(t, 1, wallet.tried(p))
	})
	unbalanced, err := b.unbalanced()
	require.NoError(t, err)
	require.Empty(t, unbalanced)
}

// allowAtOnce lets a new application spend so much, in a month.
func (in *installation) allowAtOnce(t *testing.T, most int64) allowance {
	t.Helper()
	g, err := in.register().consentTo("payments:send", in.issuer, 1)
	require.NoError(t, err)
	db, err := registry.Open(t.Context(), in.database, registry.WithTimeout(patience))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	from := allowance{grant: g, limit: most}
	_, err = db.SetBudget(t.Context(), registry.Budget{
		BudgetKey: registry.BudgetKey{Subject: from.purse().subject, ClientID: g.id, Unit: "sat"},
		Most:      most, MostAtOnce: registry.NoLimit, Period: string(budget.None),
	}, budget.WindowsIn(time.UTC))
	require.NoError(t, err)
	return from
}

// referenceFor is a new one with which the wallet does what has that name, when it is asked first.
func (w *spendWallet) referenceFor(deed string) string {
	for n := 0; ; n++ {
		reference := strings.ReplaceAll(fmt.Sprintf("%s-%d", deed, n), " ", "-")
		w.mu.Lock()
		isNew := !w.given[reference]
		w.mu.Unlock()
		if isNew && pick(w.chance(reference, 1)).name == deed {
			w.mu.Lock()
			w.given[reference] = true
			w.mu.Unlock()
			return reference
		}
	}
}

// tried is how often a payment has reached the wallet.
func (w *spendWallet) tried(p payment) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries[p.Reference]
}

func (b *books) stateOf(t *testing.T, p payment) (state string) {
	t.Helper()
	for _, e := range b.entries(t) {
		if e.reference == p.Reference {
			state = e.state
		}
	}
	return state
}

func (b *books) awaitState(t *testing.T, p payment, state string) {
	t.Helper()
	require.Eventually(t, func() bool { b.passTime(t); return b.stateOf(t, p) == state }, patience, 20*tick)
}

// deafOrigin is a port at which connections are neither accepted nor refused, until it hears.
type deafOrigin struct {
	address string
	fd      int
	filling []net.Conn
}

func newDeafOrigin(t *testing.T) *deafOrigin {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	name, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	d := &deafOrigin{address: fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port), fd: fd}
	for {
		conn, err := net.DialTimeout("tcp", d.address, 300*time.Millisecond)
		if err != nil {
			return d
		}
		d.filling = append(d.filling, conn)
	}
}

func (d *deafOrigin) hear(t *testing.T, handler http.Handler) {
	t.Helper()
	for _, conn := range d.filling {
		_ = conn.Close()
	}
	require.NoError(t, syscall.Listen(d.fd, 100))
	file := os.NewFile(uintptr(d.fd), "deaf origin")
	listener, err := net.FileListener(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: patience}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
}
