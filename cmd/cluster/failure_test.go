package cluster_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNoFailureLetsARevokedTokenPass breaks each part in turn, under traffic. Whatever is broken: no revoked token passes,
// no good one is refused with 401, and what was answered is still true afterwards.
func TestNoFailureLetsARevokedTokenPass(t *testing.T) {
	in := install(t)
	users := in.users(size(20, 100))
	w := in.startWatch(8, users)
	a := in.register()
	pause := time.Duration(size(500, 5000)) * time.Millisecond

	failures := []struct {
		name   string
		happen func()
	}{
		{"kill -9 of Redis", func() { in.redis.kill(); time.Sleep(pause); in.redis.start() }},
		{"FLUSHALL", func() { require.NoError(t, in.redis.client.FlushAll(t.Context()).Err()) }},
		{"Redis without its file", func() { in.redis.kill(); in.redis.loseFile(); in.redis.start() }},
		{"Redis silent for 5 s", func() {
			in.redis.signal(syscall.SIGSTOP)
			time.Sleep(5 * time.Second)
			in.redis.signal(syscall.SIGCONT)
		}},
		{"kill -9 of Postgres", func() {
			in.postgres.kill()
			in.requireServing(users[0])
			time.Sleep(pause)
			in.postgres.start()
			require.NoError(t, in.redis.client.FlushAll(t.Context()).Err()) // so that revocations are what Postgres has kept
		}},
	}
	for _, s := range in.servers() {
		failures = append(failures, struct {
			name   string
			happen func()
		}{"kill -9 of " + s.name, func() { s.kill(); time.Sleep(pause); s.start() }})
	}

	for i, failure := range failures {
		t.Run(failure.name, func(t *testing.T) {
			before := in.revokeOne(a, 20_000+i)
			w.addRevoked(before)
			kept := in.consent(a, 30_000+i)
			answered := in.startLedger(t)

			failure.happen()
			in.awaitHealth()

			w.requireUnbroken(t)
			for _, gateway := range in.gateways {
				in.requireEventually(gateway, before, http.StatusUnauthorized)
				in.requireEventually(gateway, kept, http.StatusOK)
			}
			renewed, err := kept.refreshed(in.issuer)
			require.NoError(t, err, "a refresh token that was given out is still good")
			_, err = before.refreshed(in.issuer)
			require.Error(t, err, "a grant that has ended stays ended")
			answered.requireKept(t)
			w.addRevoked(answered.taken()...)
			w.addRevoked(in.revokeOne(a, 40_000+i))
			in.requireEventually(in.gateways[0], renewed, http.StatusOK)
		})
	}
	t.Logf("traffic meanwhile:%s", w.summary())
}

// requireEventually allows a gateway to say that it cannot tell (503) until it is up to date again; that it never says
// anything wrong meanwhile is the watch's to see.
func (in *installation) requireEventually(gateway *server, g grant, status int) {
	in.t.Helper()
	require.Eventually(in.t, func() bool { return balance(gateway.url(), g.access) == status }, patience, tick,
		"%s does not answer %d", gateway.name, status)
}

func (s *server) isWell() bool {
	got, err := send(http.MethodGet, "http://"+s.admin+"/readyz", "", "", "")
	return err == nil && got.status == http.StatusOK && strings.Contains(got.body, `"status":"ready"`)
}

// revokeOne makes a grant and takes it back, until every gateway refuses it.
func (in *installation) revokeOne(a application, user int) grant {
	in.t.Helper()
	g := in.consent(a, user)
	taken, err := revokeAt(in.authz[user%len(in.authz)], g, g.refresh)
	require.NoError(in.t, err)
	require.Equal(in.t, http.StatusOK, taken.status, taken.body)
	in.awaitRefusal(g, time.Now(), taken.allowed())
	return g
}

// requireServing holds the gateways to serving whoever has a good token. One that stood still for longer than max_staleness,
// as on a loaded machine, may say for a moment that it cannot tell.
func (in *installation) requireServing(g grant) {
	in.t.Helper()
	for _, gateway := range in.gateways {
		for deadline := time.Now().Add(patience); ; time.Sleep(tick) {
			passed, err := send(http.MethodGet, gateway.url()+"/balance", "Bearer "+g.access, "", "")
			require.NoError(in.t, err, "%s:\n%s", gateway.name, &gateway.output)
			if passed.status == http.StatusServiceUnavailable && time.Now().Before(deadline) {
				continue
			}
			require.Equal(in.t, http.StatusOK, passed.status, "%s: %s", gateway.name, passed.body)
			break
		}
	}
}

// awaitHealth waits until every process says that it is ready, and that nothing is amiss.
func (in *installation) awaitHealth() {
	in.t.Helper()
	for _, s := range in.servers() {
		require.Eventually(in.t, s.isWell, patience, tick, "%s does not become ready:\n%s", s.name, &s.output)
	}
	require.Eventually(in.t, func() bool {
		_, err := send(http.MethodGet, in.front+"/balance", "", "", "")
		return err == nil
	}, patience, tick)
}
