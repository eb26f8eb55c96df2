package cluster_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ledger is what the authorization servers have answered with success while something broke. It has to be true afterwards.
// What got another answer, or none, may or may not have happened, and is not in it.
type ledger struct {
	in   *installation
	stop chan struct{}
	wait sync.WaitGroup

	mu      sync.Mutex
	clients []application
	deleted []application
	codes   []code
	grants  []grant // each with its latest refresh token
	revoked []revocation
}

// code is one that was not exchanged yet.
type code struct {
	application
	user int
	text string
}

// revocation is a grant that was taken back, and when that was answered.
type revocation struct {
	grant
	answered time.Time
}

// startLedger begins to write at each authorization server, and returns when there is something of every kind.
func (in *installation) startLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{in: in, stop: make(chan struct{})}
	for _, s := range in.authz {
		l.wait.Go(func() { l.write(s) })
	}
	t.Cleanup(l.end)
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.clients) > 0 && len(l.deleted) > 0 && len(l.codes) > 0 && len(l.grants) > 0 && len(l.revoked) > 0
	}, patience, tick)
	return l
}

func (l *ledger) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.wait.Wait()
}

func (l *ledger) write(s *server) {
	for user := 50_000; ; user++ {
		select {
		case <-l.stop:
			return
		case <-time.After(3 * tick):
		}
		a, err := registerAt(s)
		if err != nil {
			continue
		}
		record(l, &l.clients, a)
		if text, err := a.codeAt(s.url(), user); err == nil {
			record(l, &l.codes, code{a, user, text})
		}
		if g, err := a.consentAt(s.url(), user); err == nil {
			if g, err = g.refreshed(s.url()); err == nil {
				record(l, &l.grants, g)
			}
		}
		if g, err := a.consentAt(s.url(), user); err == nil {
			if _, err := succeed(http.StatusOK)(revokeAt(s, g, g.refresh)); err == nil {
				record(l, &l.revoked, revocation{g, time.Now()})
			}
		}
		if gone, err := registerAt(s); err == nil {
			if _, err := succeed(http.StatusNoContent)(send(http.MethodDelete, clientURL(s, gone), "", "", "")); err == nil {
				record(l, &l.deleted, gone)
			}
		}
	}
}

func record[T any](l *ledger, list *[]T, one T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, one)
}

func clientURL(s *server, a application) string {
	return "http://" + s.admin + "/admin/clients/" + a.id
}

// requireKept ends the ledger and holds the installation to it, each entry at any authorization server or gateway.
func (l *ledger) requireKept(t *testing.T) {
	t.Helper()
	l.end()
	for i, a := range l.clients {
		_, err := succeed(http.StatusOK)(send(http.MethodGet, clientURL(l.at(i), a), "", "", ""))
		require.NoError(t, err, "a client that was registered")
	}
	for i, a := range l.deleted {
		_, err := succeed(http.StatusNotFound)(send(http.MethodGet, clientURL(l.at(i), a), "", "", ""))
		require.NoError(t, err, "a client that was deleted")
	}
	for i, c := range l.codes {
		_, err := c.redeemAt(l.at(i).url(), c.user, c.text)
		require.NoError(t, err, "a code that was given out")
	}
	for i, g := range l.grants {
		l.in.requireEventually(l.gateway(i), g, http.StatusOK)
		_, err := g.refreshed(l.at(i).url())
		require.NoError(t, err, "a refresh token that was given out")
	}
	for i, g := range l.revoked {
		for _, gateway := range l.in.gateways {
			requireRefused(t, gateway, g)
		}
		_, err := g.refreshed(l.at(i).url())
		require.ErrorContains(t, err, "invalid_grant", "a grant that was revoked")
	}
	t.Logf("kept: %d clients, %d deletions, %d codes, %d grants with refresh tokens, %d revocations",
		len(l.clients), len(l.deleted), len(l.codes), len(l.grants), len(l.revoked))
}

// taken are the grants that were revoked, which every gateway refuses since requireKept has returned.
func (l *ledger) taken() []grant {
	grants := make([]grant, len(l.revoked))
	for i, r := range l.revoked {
		grants[i] = r.grant
	}
	return grants
}

// requireRefused holds a gateway to refusing what was revoked: from max_staleness after the answer on it may not let it pass,
// and it has to say so as soon as it can tell.
func requireRefused(t *testing.T, gateway *server, r revocation) {
	t.Helper()
	require.Eventually(t, func() bool {
		late := time.Since(r.answered) > maxStaleness
		status := balance(gateway.url(), r.access)
		require.False(t, late && status == http.StatusOK, "%s let pass what was revoked at %v", gateway.name, r.answered)
		return status == http.StatusUnauthorized
	}, patience, tick, "%s does not refuse what was revoked", gateway.name)
}

func (l *ledger) at(i int) *server { return l.in.authz[i%len(l.in.authz)] }

func (l *ledger) gateway(i int) *server { return l.in.gateways[i%len(l.in.gateways)] }
