package upstream

import (
	"errors"
	"net"
	"os"
	"time"
)

// pollInterval is how long one read waits for the upstream. After it the caller is looked at: who left is not waited for.
const pollInterval = 500 * time.Millisecond

// waiting is how long an exchange waits for the upstream, and for whom. A zero time means no bound.
type waiting struct {
	caller  net.Conn
	watcher Watcher
	// headCame says that the answer has begun.
	headCame bool
	// answerBegun ends the part of the upload in the waiting: before it, an upload has its own patience, and the upstream's
	// begins with its end.
	answerBegun bool
	refused     error     // why the waiting ended that is none of the upstream's: the caller's body, or the watcher
	end         time.Time // of the exchange
	by          time.Time // when the upstream has to have said something
	readAt      time.Time // the read deadline in force
	// silent says that the answer may be silent for as long as its caller, the watcher and end let it.
	silent bool
}

// Watcher decides whether an exchange that takes long goes on.
type Watcher interface {
	// GoOn is called while an exchange waits for its upstream, by whoever waits: not before it has waited for a while, then
	// again and again, and after Exchange.Wake. Its error ends the wait. onlyAnswer says that the whole request was sent and
	// nothing of the answer has come: what becomes of the request only the answer tells.
	GoOn(onlyAnswer bool) error
}

// WatchedBy names the one who is asked whether the exchange goes on; nil is nobody. It may be called in every state, by
// whoever uses the exchange.
func (x Exchange) WatchedBy(w Watcher) {
	if x.c != nil && x.c.serial.Load() == x.serial {
		x.c.waiting.watcher = w
	}
}

// MayBeSilent lets IdleTimeout not hold for what is still to come of the answer, until the caller has left: also one whom the exchange has
// not looked at so far (Caller.Conn). It may be called after AwaitHead.
func (x Exchange) MayBeSilent(caller net.Conn) {
	if c := x.in(answered, streaming); c != nil {
		c.waiting.silent, c.waiting.caller = true, caller
	}
}

// Wake makes an exchange that waits for its upstream ask its watcher at once. Other than every method it may be called from
// any goroutine, but not once End or Upgrade may have been called.
func (x Exchange) Wake() {
	if x.c != nil && x.c.serial.Load() == x.serial {
		_ = x.c.Conn.SetReadDeadline(longAgo)
	}
}

var longAgo = time.Unix(1, 0)

// waitFor gives the upstream the patience from now on, within the exchange. A read deadline that is in force and not too
// near is left alone: a new one for each wait would cost more than an early wake-up now and then.
func (c *conn) waitFor(now time.Time, patience time.Duration) error {
	w := &c.waiting
	if w.by = earliest(now.Add(patience), w.end); w.silent {
		w.by = w.end
	}
	if w.readAt.Sub(now) > pollInterval/2 && (w.by.IsZero() || !w.readAt.After(w.by)) {
		return nil
	}
	return c.arm(now)
}

func (c *conn) arm(now time.Time) error {
	c.waiting.readAt = earliest(now.Add(pollInterval), c.waiting.by)
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
	case c.upload.body == nil || w.answerBegun:
	case c.upload.isRunning():
		w.by = w.end // the upload has its own patience
	default:
		if err := c.settleUpload(); err != nil {
			return err
		}
	}
	if w.caller != nil && HasGone(w.caller) {
		return ErrCallerGone
	}
	if !w.by.IsZero() && !now.Before(w.by) {
		return ErrTooSlow
	}
	if err := c.arm(now); err != nil || w.watcher == nil {
		return err
	}
	// After the deadline was set, so that a Wake is not lost.
	w.refused = w.watcher.GoOn(!w.headCame && !c.upload.isRunning())
	return w.refused
}

// settleUpload gives the upstream its time for the answer from the end of the upload on. When the upload could not be
// written because the upstream hung up, the answer that came before that is still read.
func (c *conn) settleUpload() error {
	u := &c.upload
	switch {
	case u.refused != nil:
		c.waiting.refused = u.refused
		return u.refused
	case errors.Is(u.broken, os.ErrDeadlineExceeded):
		return ErrTooSlow
	}
	c.waiting.answerBegun = true
	c.waiting.by = earliest(u.endedAt.Add(c.pool.settings.FirstByteTimeout), c.waiting.end)
	return nil
}

// earliest of two times, of which the second may be none.
func earliest(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
