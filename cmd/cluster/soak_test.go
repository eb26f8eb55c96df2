package cluster_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

var soakFor = flag.Duration("soak", 15*time.Second, "how long TestSoak runs after its warm-up")

const (
	soakUsers = 24
	// soakGrowth is how many goroutines and descriptors more than after the warm-up a process may hold after the traffic
	// has ended: connections to upstreams and to Redis that are kept for the next request.
	soakGrowth = soakUsers
	soakNoise  = 4
	// soakSettling is longer than anything that is kept for the next request is kept.
	soakSettling = 90 * time.Second
)

// soakTimeouts make what callers leave behind end soon.
const soakTimeouts = "timeouts: {header: 10s, body: 10s, write: 10s, idle: 5s}\n"

// TestSoak does for a while what callers and upstreams do in years: good and bad tokens, large and slow bodies, streams of
// events, callers that go away, upstreams that break off; and attacks beside them, that take what others need or try to.
// Nobody may ever see what is another's, no revoked token may pass, good callers notice nothing, and afterwards the processes
// hold as little as before. `make soak` runs it for long.
func TestSoak(t *testing.T) {
	in := install(t, newSoakUpstream(t).routes(), soakTimeouts)
	s := &soak{in: in, secured: in.installSecured(), application: in.register(), counts: make(map[string]int)}

	s.runFor(max(*soakFor/10, 3*time.Second))
	in.settle()
	before := in.vitals()
	s.report("after the warm-up", before)

	began := time.Now()
	s.start()
	require.NoError(t, s.startAttacks())
	for range 10 {
		time.Sleep(*soakFor / 10)
		s.report(fmt.Sprintf("after %v", time.Since(began).Round(time.Second)), in.vitals())
	}
	for i, a := range s.attacks {
		require.NotZero(t, a.held.Load(), "nobody tried: %s", attacks[i].name)
	}
	s.end()
	in.requireNoGrowth(before)
	s.report("at the end", in.vitals())
	t.Log(s.summary())
	require.Empty(t, s.wrong)
	require.NotZero(t, s.counts[besideTheCrowd])
	require.Less(t, len(s.unanswered), s.done()/100, "too many requests are not answered: %v", s.unanswered[:min(len(s.unanswered), maxBroken)])
}

// soak is the traffic, and what must never be seen in it.
type soak struct {
	in          *installation
	secured     *secured
	application application
	stop        chan struct{}
	wait        sync.WaitGroup

	attacks []*attack

	mu      sync.Mutex
	counts  map[string]int
	revoked []grant
	wrong   []string
	// unanswered may happen on a machine that stands still: a connection that was given up, a gateway that says that it
	// cannot tell.
	unanswered []string
}

// start begins the traffic of all users; end ends it.
func (s *soak) start() {
	s.stop = make(chan struct{})
	for user := range soakUsers {
		s.wait.Go(func() { s.work(user + 1) })
	}
}

func (s *soak) end() {
	close(s.stop)
	s.wait.Wait()
	soakCaller.CloseIdleConnections()
	caller.CloseIdleConnections()
}

func (s *soak) runFor(d time.Duration) {
	s.start()
	time.Sleep(d)
	s.end()
}

func (s *soak) work(user int) {
	u := &soakUser{soak: s}
	var err error
	if u.grant, err = s.application.consentAt(s.in.issuer, user); err != nil {
		s.record("first consent", user, err)
		return
	}
	for {
		for _, habit := range habits {
			select {
			case <-s.stop:
				return
			default:
			}
			s.record(habit.name, user, habit.do(u))
		}
	}
}

// record counts what was done.
func (s *soak) record(habit string, user int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[habit]++
	if err == nil {
		return
	}
	what := fmt.Sprintf("%s user %d: %s: %v", time.Now().Format("15:04:05.000"), user, habit, err)
	if isUnanswered(err) {
		s.unanswered = append(s.unanswered, what)
	} else if len(s.wrong) < maxBroken {
		s.wrong = append(s.wrong, what)
	}
}

// isUnanswered tells a request without an answer from one with a wrong one.
func isUnanswered(err error) bool {
	var answered unexpected
	if errors.As(err, &answered) {
		return answered.status >= http.StatusInternalServerError
	}
	var transport net.Error
	var closed websocket.CloseError
	return errors.As(err, &transport) || errors.As(err, &closed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func (s *soak) done() (sum int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, count := range s.counts {
		sum += count
	}
	return sum
}

// report says what each process holds.
func (s *soak) report(when string, held []vitals) {
	s.in.t.Helper()
	var lines strings.Builder
	for i, v := range held {
		fmt.Fprintf(&lines, "\n  %-10s %s", s.in.servers()[i].name, v)
	}
	s.in.t.Logf("%s:%s", when, lines.String())
}

// summary is how often each thing was done.
func (s *soak) summary() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := "done:"
	for _, habit := range slices.Sorted(maps.Keys(s.counts)) {
		text += fmt.Sprintf("  %s %d", habit, s.counts[habit])
	}
	return fmt.Sprintf("%s; without an answer: %d", text, len(s.unanswered))
}

func (in *installation) vitals() []vitals {
	in.t.Helper()
	var all []vitals
	for _, s := range in.servers() {
		all = append(all, s.vitals(in.t))
	}
	return all
}

// settle waits until no process holds fewer than it did a moment ago, but for what comes and goes by itself.
func (in *installation) settle() {
	in.t.Helper()
	last := in.vitals()
	require.Eventually(in.t, func() bool {
		now := in.vitals()
		fewer := slices.ContainsFunc(in.servers(), func(s *server) bool {
			i := slices.Index(in.servers(), s)
			return now[i].goroutines+soakNoise < last[i].goroutines || now[i].descriptors+soakNoise < last[i].descriptors
		})
		last = now
		return !fewer
	}, soakSettling, 3*time.Second)
}

// requireNoGrowth waits until every process holds about what it held before, which it must in the end.
func (in *installation) requireNoGrowth(before []vitals) {
	in.t.Helper()
	for i, s := range in.servers() {
		var now vitals
		settled := func() bool {
			now = s.vitals(in.t)
			return now.goroutines <= before[i].goroutines+soakGrowth && now.descriptors <= before[i].descriptors+soakGrowth
		}
		for deadline := time.Now().Add(soakSettling); !settled(); time.Sleep(time.Second) {
			if time.Now().After(deadline) {
				require.Fail(in.t, "a process holds on to what has ended", "%s\nbefore: %v\nnow:    %v", s.name, before[i], now)
			}
		}
	}
}
