package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// watch is steady traffic of many users through all gateways, and what must never be seen in it: a good token that is
// refused with 401, a revoked one that passes.
type watch struct {
	in   *installation
	stop chan struct{}
	wait sync.WaitGroup

	mu      sync.Mutex
	good    []grant
	revoked []grant
	broken  []string

	statuses [600]atomic.Int64
}

// maxBroken is how many violations are worth telling apart.
const maxBroken = 10

// startWatch begins the traffic of these users; it ends with the test.
func (in *installation) startWatch(workers int, good []grant) *watch {
	w := &watch{in: in, stop: make(chan struct{}), good: good}
	for range workers {
		w.wait.Go(w.work)
	}
	in.t.Cleanup(w.end)
	return w
}

func (w *watch) end() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.wait.Wait()
}

// addRevoked hands over tokens that every gateway has refused, or has had its time to learn of.
func (w *watch) addRevoked(grants ...grant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revoked = append(w.revoked, grants...)
}

func (w *watch) work() {
	for {
		select {
		case <-w.stop:
			return
		case <-time.After(time.Duration(5+rand.IntN(10)) * time.Millisecond):
		}
		g, isGood, ok := w.pick()
		if !ok {
			continue
		}
		gateway := w.in.gateways[rand.IntN(len(w.in.gateways))]
		status := balance(gateway.url(), g.access)
		w.statuses[status].Add(1)
		switch {
		case isGood && status == http.StatusUnauthorized:
			w.report("%s refused a good token of user %d", gateway.name, g.user)
		case !isGood && status == http.StatusOK:
			w.report("%s let a revoked token of user %d pass", gateway.name, g.user)
		}
	}
}

func (w *watch) pick() (g grant, good, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.revoked) > 0 && rand.IntN(2) == 0 {
		return w.revoked[rand.IntN(len(w.revoked))], false, true
	}
	if len(w.good) == 0 {
		return grant{}, false, false
	}
	return w.good[rand.IntN(len(w.good))], true, true
}

func (w *watch) report(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.broken) < maxBroken {
		w.broken = append(w.broken, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

// requireUnbroken fails the test with what was seen and must not be.
func (w *watch) requireUnbroken(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(t, w.broken)
}

// summary is how many answers there were of each status.
func (w *watch) summary() string {
	text := ""
	for status := range w.statuses {
		if n := w.statuses[status].Load(); n > 0 {
			text += fmt.Sprintf("  %d: %d", status, n)
		}
	}
	return text
}
