package listener

import (
	"sync"
	"time"
)

// deadline is when a connection's reads, or its writes, have to be over. The socket's own is left as it is where that
// comes only a little early: to set it for each read would cost more than to wait in vain now and then. It is safe for
// concurrent use.
type deadline struct {
	set func(time.Time) error // the socket's

	mu     sync.Mutex
	asked  time.Time // by whoever handles the request; zero is none
	wanted time.Time
	armed  time.Time // the socket's
}

// await makes what comes next last until then at most, or until what was asked for. tolerance is how much earlier the
// socket's deadline may come; extend tells one from the other.
func (d *deadline) await(until time.Time, tolerance time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = earlier(until, d.asked)
	if early := d.wanted.Sub(d.armed); early >= 0 && early <= tolerance {
		return nil
	}
	return d.arm()
}

// extend reports whether the socket's deadline came before its time. It is exact now.
func (d *deadline) extend() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.armed.Before(d.wanted) && d.arm() == nil
}

func (d *deadline) arm() error {
	d.armed = d.wanted
	return d.set(d.armed)
}

// ask is for whoever handles the request: no await lasts longer, until forget.
func (d *deadline) ask(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked, d.wanted = t, t
	return d.arm()
}

func (d *deadline) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = time.Time{}
}

func earlier(a, b time.Time) time.Time {
	if b.IsZero() || !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}
