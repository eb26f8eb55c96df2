package upstream

import (
	"errors"
	"net"
	"os"
	"time"
)

// slice is how long the gateway waits for an upstream at one go. Between two it looks whether there is still somebody to
// wait for.
const slice = 500 * time.Millisecond

// waiting is what an exchange waits for, and for how long. Its zero times mean no bound.
type waiting struct {
	caller  net.Conn
	upload  *upload   // nil: the whole request was sent at once
	settled bool      // the upload has nothing more to say about the waiting
	end     time.Time // of the exchange
	by      time.Time // when the upstream has to have said something
	readAt  time.Time // the read deadline in force
}

// begin starts an exchange for caller, who is watched from now on.
func (c *conn) begin(caller net.Conn, end time.Time) {
	w := &c.waiting
	w.caller, w.upload, w.settled, w.end = caller, nil, false, end
}

// waitFor gives the upstream the patience from now on, within the exchange. The socket's deadline is left as it is when
// it comes early but not too early: setting one for each wait would cost more than waiting in vain now and then.
func (c *conn) waitFor(now time.Time, patience time.Duration) error {
	w := &c.waiting
	w.by = earliest(now.Add(patience), w.end)
	if w.readAt.Sub(now) > slice/2 && !w.readAt.After(w.by) {
		return nil
	}
	return c.arm(now)
}

func (c *conn) arm(now time.Time) error {
	c.waiting.readAt = earliest(now.Add(slice), c.waiting.by)
	return c.Conn.SetReadDeadline(c.waiting.readAt)
}

// Read waits until bytes have come, the upstream's time is over, or there is nobody left to wait for.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := c.goOn(time.Now()); err != nil {
			return 0, err
		}
	}
}

func (c *conn) goOn(now time.Time) error {
	w := &c.waiting
	switch {
	case w.upload == nil || w.settled:
	case w.upload.isRunning():
		w.by = w.end // the upload has its own patience
	default:
		if err := c.settleUpload(); err != nil {
			return err
		}
	}
	if w.caller != nil && hasGone(w.caller) {
		return errCallerGone
	}
	if !w.by.IsZero() && !now.Before(w.by) {
		return errTooSlow
	}
	return c.arm(now)
}

// settleUpload waits for the answer from the upload's end on. One that was broken off, and not for its slowness, has left
// a connection that has ended: what it was answered before is read, and no other answer is waited for.
func (c *conn) settleUpload() error {
	u := c.waiting.upload
	switch {
	case u.refused != nil:
		return u.refused
	case errors.Is(u.broken, os.ErrDeadlineExceeded):
		return errTooSlow
	}
	c.waiting.settled = true
	c.waiting.by = earliest(u.endedAt.Add(c.settings.FirstByteTimeout), c.waiting.end)
	return nil
}

// earliest of two times, of which the second may be none.
func earliest(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
