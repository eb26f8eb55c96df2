package upstream

import (
	"bytes"
	"time"
)

// Exchange is one request and its answer. It is a value that may be copied; the zero value is one that has ended.
//
//	Acquire ─> Send ─> AwaitHead ─┬─> ReadWhole ────────────────┬─> End
//	                              ├─> Take, Await, Take, ... ───┤
//	                              ├─> (no body) ────────────────┘
//	                              └─> Upgrade ─> Upgraded.Close
//
// Each method says in which state it may be called. Called in another it does nothing and returns ErrState; after an error
// only End is left. End may be called in every state and has to be called, but for an Exchange that was upgraded. The
// connection serves another request only when this one was sent whole and its answer read to an end that leaves no doubt;
// in every other case End closes it. An Exchange that has ended, and every copy of it, does nothing: it cannot touch what
// the connection is used for later.
//
// An Exchange is for one goroutine at a time. Its methods block for as long as Settings and the end given to Acquire
// allow, and not for long after the caller left (ErrCallerGone).
type Exchange struct {
	c      *conn
	serial uint64
}

type state uint8

const (
	acquired    state = iota // nothing was sent
	sent                     // all of it or a part
	answered                 // the head was read, a body follows
	streaming                // a part of the body was taken
	answerEnded              // the body was read to its end, or there is none
	switched                 // the upstream speaks another protocol, as it was asked to
	broken                   // after an error
)

// Request is what Send sends.
type Request struct {
	// Head is the head and the first part of the body, framed. It may be changed once Send has returned.
	Head []byte
	// Body is the rest, nil when there is none. It is read from another goroutine until the exchange has ended.
	Body Body
}

// begin gives the connection to an exchange, for which it was asked at a time before now. Nobody else has it.
func (c *conn) begin(caller Caller, of *places, asked, now time.Time) Exchange {
	c.holder, c.places, c.now, c.late = caller.Holder, of, now, now.Sub(asked) > isPrompt
	c.state, c.upgrades, c.isHead, c.early, c.reusable = acquired, caller.Upgrades, false, false, false
	c.untouched = true
	w := &c.waiting
	w.caller, w.watcher, w.end, w.refused = caller.Conn, nil, caller.End, nil
	w.answerBegun, w.headCame, w.silent = false, false, false
	return Exchange{c, c.serial.Load()}
}

// in returns the connection if the exchange has not ended and is in one of two states.
func (x Exchange) in(one, other state) *conn {
	c := x.c
	if c == nil || c.serial.Load() != x.serial || c.state != one && c.state != other {
		return nil
	}
	return c
}

// Send writes the request, or its beginning: then the rest is sent while the answer is waited for. It may be called once,
// first. Whatever it returns, nothing is written again: after an error the upstream may have obeyed the request.
func (x Exchange) Send(r Request) error {
	c := x.in(acquired, acquired)
	if c == nil {
		return ErrState
	}
	c.state, c.isHead, c.untouched = sent, bytes.HasPrefix(r.Head, []byte("HEAD ")), false
	if written, err := c.send(r.Head, c.now); err != nil {
		c.state = broken
		c.untouched = written == 0 && c.records == nil // a record of TLS may have been written in part
		return err
	}
	if r.Body != nil {
		c.upload.start(r.Body, c)
	}
	return nil
}

// WasSent reports whether the upstream may have got any of the request. It may be called until the exchange has ended.
func (x Exchange) WasSent() bool {
	return x.c != nil && x.c.serial.Load() == x.serial && !x.c.untouched
}

// AwaitHead returns the head of the answer. It may be called once, after Send. A head of 101 is returned to a request that
// asked for it, and to no other (ErrUpgraded); after it only Upgrade is left.
func (x Exchange) AwaitHead() (*Head, error) {
	c := x.in(sent, sent)
	if c == nil {
		return nil, ErrState
	}
	c.state = broken
	if err := c.waitFor(c.now, c.pool.settings.FirstByteTimeout); err != nil {
		return nil, err
	}
	if err := c.readHead(); err != nil {
		return nil, err
	}
	c.waiting.answerBegun, c.waiting.headCame = true, true
	c.early = !c.upload.isComplete()
	switch {
	case c.head.status == statusSwitchingProtocols && !c.upgrades:
		return nil, ErrUpgraded
	case c.head.status == statusSwitchingProtocols:
		c.state = switched
	case c.isHead || !c.head.hasBody():
		c.endAnswer(!c.early)
	default:
		c.state = answered
	}
	return &c.head, nil
}

// endAnswer notes that nothing of the answer is left to be read.
func (c *conn) endAnswer(wasSentWhole bool) {
	c.state = answerEnded
	c.reusable = wasSentWhole && !c.upgrades && c.head.staysOpen()
}

// isPrompt is how long Acquire may take to be no wait.
const isPrompt = 50 * time.Millisecond

// IsLate reports whether Acquire has waited: for one of MaxConns, or for a connection to be made. It may be called before
// Send.
func (x Exchange) IsLate() bool {
	c := x.in(acquired, acquired)
	return c != nil && c.late
}

// IsEarly reports whether the answer's head came before the upstream was given the whole request. What is left of the
// caller's body is then nobody's.
func (x Exchange) IsEarly() bool {
	return x.c != nil && x.c.serial.Load() == x.serial && x.c.early
}

// HasBody reports whether a body is still to be read.
func (x Exchange) HasBody() bool { return x.in(answered, streaming) != nil }

// ReadWhole returns the whole body if it is small: appended to dst when it came in chunks, else memory that is valid until
// the exchange has ended. ok is false, and nothing was read, for a body that has to be taken as it arrives. It may be
// called after AwaitHead and before Take, while HasBody holds.
func (x Exchange) ReadWhole(dst []byte) (body []byte, ok bool, err error) {
	c := x.in(answered, answered)
	if c == nil {
		return nil, false, ErrState
	}
	c.state = broken
	if body, ok, err = c.readWhole(dst); err != nil {
		return nil, false, err
	}
	if c.state = answered; ok {
		c.endAnswer(!c.early)
	}
	return body, ok, nil
}

// Take returns the next part of the body that has arrived already, nothing when there is none, and io.EOF after the last.
// The part is valid until Take or Await is called again. Take may be called after AwaitHead while HasBody holds. It does
// not block, but for the end of an upload that is about to end.
func (x Exchange) Take() ([]byte, error) {
	c := x.in(answered, streaming)
	if c == nil {
		return nil, ErrState
	}
	c.beginBody()
	part, err := c.body.take()
	switch {
	case err == nil:
	case c.body.ended:
		c.endAnswer(c.upload.isComplete())
	default:
		c.state = broken
		err = c.readError(err)
	}
	return part, err
}

func (c *conn) beginBody() {
	if c.state == answered {
		c.state, c.body = streaming, c.newBody()
	}
}

// Await waits until there is something to take, or the end. It may be called when Take may be.
func (x Exchange) Await() error {
	c := x.in(answered, streaming)
	if c == nil {
		return ErrState
	}
	c.beginBody()
	if err := c.body.await(time.Now()); err != nil {
		c.state = broken
		return c.readError(err)
	}
	return nil
}

// Trailers are the lines behind a body in chunks, as they were sent, with their ends. There are none before
// Take has returned io.EOF. They are valid until the exchange has ended.
func (x Exchange) Trailers() []byte {
	c := x.in(answerEnded, answerEnded)
	if c == nil {
		return nil
	}
	return c.body.chunks.Trailers()
}

// End gives the connection back to its pool, or closes it, and ends the upload wherever it is. When that was still under
// way, the caller's connection is no longer good for reading. A second call does nothing.
func (x Exchange) End() {
	c := x.c
	if c == nil || !c.serial.CompareAndSwap(x.serial, x.serial+1) {
		return
	}
	c.upload.stop()
	c.waiting.caller, c.waiting.watcher = nil, nil
	if c.body.from != nil {
		c.body = answerBody{}
	}
	c.pool.release(c, c.state == answerEnded && c.reusable)
}
