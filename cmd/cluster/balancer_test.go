package cluster_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// balancer stands for the load balancer of an installation: it passes connections on to whoever is ready, as it learns
// from /readyz, and looks at nothing in them.
type balancer struct {
	listener net.Listener
	backends []*backend
	next     atomic.Uint64
	done     chan struct{}
	wait     sync.WaitGroup
}

type backend struct {
	*server
	to string // the address that connections are passed on to
	up atomic.Bool
}

// probeInterval is how often a backend is asked whether it is ready.
const probeInterval = 20 * time.Millisecond

func newBalancer(t *testing.T, listener net.Listener, servers ...*server) *balancer {
	t.Helper()
	return startBalancer(t, listener, func(s *server) string { return s.address }, servers)
}

// newBudgetsBalancer passes on what gateways ask about budgets.
func newBudgetsBalancer(t *testing.T, listener net.Listener, servers ...*server) *balancer {
	t.Helper()
	return startBalancer(t, listener, func(s *server) string { return s.budgets }, servers)
}

func startBalancer(t *testing.T, listener net.Listener, to func(*server) string, servers []*server) *balancer {
	t.Helper()
	b := &balancer{listener: listener, done: make(chan struct{})}
	for _, s := range servers {
		one := &backend{server: s, to: to(s)}
		b.backends = append(b.backends, one)
		b.wait.Go(func() { b.probe(one) })
	}
	b.wait.Go(b.accept)
	t.Cleanup(func() {
		close(b.done)
		_ = listener.Close()
		b.wait.Wait()
	})
	return b
}

func (b *balancer) awaitAll(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for _, one := range b.backends {
		for !one.up.Load() {
			if !one.alive() || time.Now().After(deadline) {
				t.Fatalf("%s did not become ready:\n%s", one.name, one.output.String())
			}
			time.Sleep(tick)
		}
	}
}

func (b *balancer) probe(one *backend) {
	for {
		one.up.Store(one.ready())
		select {
		case <-b.done:
			return
		case <-time.After(probeInterval):
		}
	}
}

func (b *balancer) accept() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return
		}
		go b.pass(client)
	}
}

func (b *balancer) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	upstream := b.dial()
	if upstream == nil {
		return
	}
	defer func() { _ = upstream.Close() }()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, upstream}, {upstream, client}} {
		go func() {
			_, _ = io.Copy(way[1], way[0])
			ended <- struct{}{}
		}()
	}
	select {
	case <-ended:
	case <-b.done:
	}
}

// dial tries each backend that is ready once; nothing has been sent while it tries.
func (b *balancer) dial() net.Conn {
	first := b.next.Add(1)
	for i := range uint64(len(b.backends)) {
		one := b.backends[(first+i)%uint64(len(b.backends))]
		if !one.up.Load() {
			continue
		}
		if connection, err := net.Dial("tcp", one.to); err == nil {
			return connection
		}
	}
	return nil
}
