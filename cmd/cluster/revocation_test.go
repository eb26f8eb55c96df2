package cluster_test

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var full = flag.Bool("full", false, "run at full length: 100 users, 1,000 revocations, long pauses")

// maxStaleness is denylist.max_staleness: how long after its answer a revocation may take to reach a gateway that has not
// confirmed it.
const maxStaleness = 2 * time.Second

func size(short, long int) int {
	if *full {
		return long
	}
	return short
}

// TestRevocationsReachEveryGateway revokes in every way at either authorization server under steady traffic.
func TestRevocationsReachEveryGateway(t *testing.T) {
	in := install(t)
	users := in.users(size(20, 100))
	w := in.startWatch(8, users)

	count := size(60, 1000)
	delays, unconfirmed := make([]time.Duration, 0, count), 0
	shared := in.register()
	for i := range count {
		way := revocations[i%len(revocations)]
		a := shared
		if way.name == "client" {
			a = in.register()
		}
		g := in.consent(a, 10_000+i)
		in.requireServing(g)
		taken, err := way.revoke(in.authz[i%len(in.authz)], g)
		require.NoError(t, err)
		require.Less(t, taken.status, 300, "%s: %s", way.name, taken.body)
		if taken.unconfirmed != "" {
			unconfirmed++
		}
		delays = append(delays, in.awaitRefusal(g, time.Now(), taken.allowed()))
		w.addRevoked(g)
	}
	time.Sleep(time.Second) // the watch goes on asking with what was revoked last
	w.requireUnbroken(t)
	slices.Sort(delays)
	t.Logf("%d revocations: from the answer to the last gateway's first 401: p50 %v, p99 %v, max %v; %d were not confirmed in time; traffic meanwhile:%s",
		len(delays), delays[len(delays)/2], delays[len(delays)*99/100], delays[len(delays)-1], unconfirmed, w.summary())
}

// allowed is how long after this answer to a revocation a gateway may still let the token pass.
func (a answer) allowed() time.Duration {
	if a.unconfirmed == "" {
		return 0 // every gateway has said that it knows
	}
	return maxStaleness
}

// users are grants of one application each with an access token and a refresh token.
func (in *installation) users(count int) []grant {
	in.t.Helper()
	a := in.register()
	grants := make([]grant, count)
	for i := range grants {
		grants[i] = in.consent(a, i+1)
	}
	return grants
}

// awaitRefusal asks all gateways at once until each has refused the token, and returns how long that took. What is asked
// later than allowed after the revocation was answered may not pass, however slow the machine is; a gateway that cannot
// tell may say so. Once a gateway has refused the token, it must never let it pass again.
func (in *installation) awaitRefusal(g grant, since time.Time, allowed time.Duration) time.Duration {
	in.t.Helper()
	taken := make([]time.Duration, len(in.gateways))
	failures := make(chan string, len(in.gateways))
	var wait sync.WaitGroup
	for i, gateway := range in.gateways {
		wait.Go(func() {
			for {
				isLate := time.Since(since) > allowed
				status := balance(gateway.url(), g.access)
				switch taken[i] = time.Since(since); {
				case status == http.StatusUnauthorized:
					return
				case isLate && status == http.StatusOK, taken[i] > patience:
					failures <- fmt.Sprintf("%s answers %d after %v", gateway.name, status, taken[i])
					return
				}
			}
		})
	}
	wait.Wait()
	close(failures)
	for failure := range failures {
		require.Fail(in.t, "a revocation has not arrived", failure)
	}
	return slices.Max(taken)
}
