package listener

import (
	"os"
	"time"
)

// pace is how fast a caller sends a body, measured over the time that it is waited for: what the gateway or an upstream
// takes to go on reading is not the caller's.
type pace struct {
	since  time.Time // when the read that is under way began
	waited time.Duration
	came   int64
}

func (p *pace) begin(now time.Time) { p.since = now }

// add counts what a read has brought. Once the caller was waited for as long as the window it must have sent at least so
// many bytes, and a new window begins; else the error is os.ErrDeadlineExceeded.
func (p *pace) add(n int, now time.Time, window time.Duration, least int64) error {
	p.waited += now.Sub(p.since)
	p.came += int64(n)
	if p.waited < window {
		return nil
	}
	if p.came < least {
		return os.ErrDeadlineExceeded
	}
	p.waited, p.came = 0, 0
	return nil
}

// leastIn is how many bytes a rate of so many a second asks for in a window.
func leastIn(window time.Duration, rate int) int64 { return int64(window.Seconds() * float64(rate)) }

// awaitBody sets the deadline of the next read of a body.
func (c *connection) awaitBody(now time.Time) error {
	c.pace.begin(now)
	if c.bodyEnd.IsZero() && c.timeouts.BodyTotal > 0 {
		c.bodyEnd = now.Add(c.timeouts.BodyTotal)
	}
	by := now.Add(c.timeouts.Body)
	if !c.bodyEnd.IsZero() && c.bodyEnd.Before(by) {
		by = c.bodyEnd
	}
	return c.reads.await(by, c.timeouts.Body/tolerated)
}
