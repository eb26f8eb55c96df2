package cluster_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patientMirror makes the gateways answer until Redis is back, which may take a slow machine longer than max_staleness is by
// itself.
const patientMirror = "denylist: {max_staleness: 10s}\n"

// TestARollingRestartFailsNoRequest restarts every process in turn, as an upgrade does, Postgres and Redis too, while users
// send requests through the load balancer.
func TestARollingRestartFailsNoRequest(t *testing.T) {
	in := install(t, patientMirror)
	users := in.users(size(20, 100))

	var sent atomic.Int64
	failed := make(chan string, maxBroken)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(3 * time.Millisecond):
				}
				got, err := send(http.MethodGet, in.front+"/balance", "Bearer "+users[n%len(users)].access, "", "")
				sent.Add(1)
				if err == nil && got.status == http.StatusOK {
					continue
				}
				select {
				case failed <- fmt.Sprintf("%v %d %s", err, got.status, got.body):
				default:
				}
			}
		})
	}
	everything := []*process{in.postgres, in.redis.process}
	for _, s := range in.servers() {
		everything = append(everything, s.process)
	}
	for _, p := range everything {
		began := time.Now()
		p.terminate()
		p.start()
		t.Logf("%s was away for %v", p.name, time.Since(began).Round(time.Millisecond))
		in.awaitHealth()
		for _, b := range in.balancers {
			b.awaitAll(t)
		}
	}
	close(stop)
	wait.Wait()
	close(failed)
	for failure := range failed {
		require.Fail(t, "a request failed during the rolling restart", failure)
	}
	t.Logf("%d requests while %d processes were restarted, none failed", sent.Load(), len(everything))
}
