package listener

import (
	"sync"
	"time"
)

// deadline is the deadline of a connection's reads, or of its writes. The socket has one of its own, which is only set
// again when it would come much too early or too late: to set it for each read costs more than a read that now and then
// ends too early and is repeated. A deadline is safe for concurrent use.
type deadline struct {
	set func(time.Time) error // sets the socket's

	mu     sync.Mutex
	asked  time.Time // set by whoever handles the request; zero means none
	wanted time.Time // when the read or write has to be over
	armed  time.Time // the socket's, at most as late as wanted
}

// await bounds the next read or write: by until, or by the deadline that was asked for if that is earlier. The socket's may
// be earlier still, by at most tolerance; whoever sees the socket's calls extend.
func (d *deadline) await(until time.Time, tolerance time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wanted = until; !d.asked.IsZero() && d.asked.Before(until) {
		d.wanted = d.asked
	}
	if early := d.wanted.Sub(d.armed); early >= 0 && early <= tolerance {
		return nil
	}
	return d.arm()
}

// extend reports whether the socket's deadline came too early, so that the read or write is to be repeated. The socket's is
// exact from then on.
func (d *deadline) extend() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.armed.Before(d.wanted) && d.arm() == nil
}

func (d *deadline) arm() error {
	d.armed = d.wanted
	return d.set(d.armed)
}

// ask sets the deadline of whoever handles the request. Until forget, await bounds nothing by a later one.
func (d *deadline) ask(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked, d.wanted = t, t
	return d.arm()
}

// forget drops the deadline that was asked for.
func (d *deadline) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = time.Time{}
}
