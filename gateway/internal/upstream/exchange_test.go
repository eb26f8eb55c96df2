package upstream

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

// Each method does nothing in a state that is not its own.
func TestMethodsInAWrongState(t *testing.T) {
	p := newPeer(t, Settings{}, own)
	refuses := func(x Exchange, methods string) {
		t.Helper()
		_, headErr := x.AwaitHead()
		_, _, wholeErr := x.ReadWhole(nil)
		_, takeErr := x.Take()
		_, upgradeErr := x.Upgrade()
		for name, err := range map[string]error{
			"Send": x.Send(get("/again")), "AwaitHead": headErr, "ReadWhole": wholeErr, "Take": takeErr, "Await": x.Await(), "Upgrade": upgradeErr,
		} {
			if strings.Contains(methods, name) {
				require.ErrorIs(t, err, ErrState, name)
			}
		}
	}
	refuses(Exchange{}, "Send AwaitHead ReadWhole Take Await Upgrade")
	Exchange{}.End()

	x := p.acquire(t, "1")
	require.ErrorIs(t, func() error { _, err := x.AwaitHead(); return err }(), ErrState)
	require.False(t, x.HasBody())
	require.NoError(t, x.Send(get("/a")))
	require.ErrorIs(t, x.Send(get("/again")), ErrState)
	_, err := x.Take()
	require.ErrorIs(t, err, ErrState)
	head, err := x.AwaitHead()
	require.NoError(t, err)
	require.Equal(t, 200, head.Status())
	_, err = x.AwaitHead()
	require.ErrorIs(t, err, ErrState)
	require.ErrorIs(t, x.Send(get("/again")), ErrState)
	require.Equal(t, "/a", readAll(t, x))
	_, _, err = x.ReadWhole(nil)
	require.ErrorIs(t, err, ErrState)
	refuses(x, "Send AwaitHead ReadWhole Take Await Upgrade")
	x.End()
	refuses(x, "Send AwaitHead ReadWhole Take Await Upgrade")
	require.Len(t, p.Requests(), 1)
}

// An exchange that has ended cannot touch the one that has its connection now.
func TestAnOldExchangeTouchesNothing(t *testing.T) {
	p := newPeer(t, Settings{}, own)
	old := p.acquire(t, "1")
	require.NoError(t, old.Send(get("/old")))
	_, err := old.AwaitHead()
	require.NoError(t, err)
	body, whole, err := old.ReadWhole(nil)
	require.NoError(t, err)
	require.True(t, whole)
	require.Equal(t, "/old", string(body))
	old.End()

	x := p.acquire(t, "1")
	require.Same(t, old.c, x.c, "the connection is used again")
	disturb := func() {
		old.End()
		require.ErrorIs(t, old.Send(get("/again")), ErrState)
		_, err := old.AwaitHead()
		require.ErrorIs(t, err, ErrState)
		_, err = old.Take()
		require.ErrorIs(t, err, ErrState)
		require.ErrorIs(t, old.Await(), ErrState)
		require.Empty(t, old.Trailers())
		require.False(t, old.HasBody())
	}
	disturb()
	require.NoError(t, x.Send(get("/new")))
	disturb()
	_, err = x.AwaitHead()
	require.NoError(t, err)
	disturb()
	require.Equal(t, "/new", readAll(t, x))
	disturb()
	x.End()
	disturb()
	require.Len(t, p.Requests(), 2)
	require.Equal(t, 1, p.Connections())
}

// The connection is used again exactly where nothing is left on it, whatever its user does before End.
func TestWhenAConnectionIsUsedAgain(t *testing.T) {
	const chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"
	whole := func(t *testing.T, x Exchange) {
		_, ok, err := x.ReadWhole(nil)
		require.NoError(t, err)
		require.True(t, ok)
	}
	stream := func(t *testing.T, x Exchange) { require.NotEmpty(t, readAll(t, x)) }
	nothing := func(*testing.T, Exchange) {}
	for name, test := range map[string]struct {
		method, answer string
		read           func(t *testing.T, x Exchange)
		again          bool
	}{
		"whole":                  {"GET", withLength("ok"), whole, true},
		"streamed":               {"GET", withLength("ok"), stream, true},
		"chunks":                 {"GET", chunks, whole, true},
		"streamed chunks":        {"GET", chunks, stream, true},
		"empty":                  {"GET", withLength(""), whole, true},
		"HEAD":                   {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", nothing, true},
		"no content":             {"GET", "HTTP/1.1 204 No Content\r\n\r\n", nothing, true},
		"not read":               {"GET", withLength("ok"), nothing, false},
		"empty, not read":        {"GET", withLength(""), nothing, false},
		"half read":              {"GET", withLength("ok") + "", func(t *testing.T, x Exchange) { _, _ = x.Take() }, false},
		"chunks without the end": {"GET", chunks, func(t *testing.T, x Exchange) { require.NoError(t, x.Await()); _, _ = x.Take() }, false},
		"that is to be closed":   {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", whole, false},
		"HTTP/1.0":               {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", whole, false},
		"with bytes behind":      {"GET", withLength("ok") + "H", whole, false},
		"another answer behind":  {"GET", withLength("ok") + withLength("evil"), stream, false},
		"a body for HEAD":        {"HEAD", withLength("evil"), nothing, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, Settings{}, func(r gatewaytest.Request) string {
				if r.Target == "/next" {
					return withLength("next")
				}
				return test.answer
			})
			x := p.acquire(t, "1")
			r := get("/")
			r.Head = append([]byte(test.method), r.Head[len("GET"):]...)
			require.NoError(t, x.Send(r))
			_, err := x.AwaitHead()
			require.NoError(t, err)
			test.read(t, x)
			x.End()
			x.End()
			require.Equal(t, "next", p.whole(t, "1", get("/next")))
			connections := 2
			if test.again {
				connections = 1
			}
			require.Equal(t, connections, p.Connections())
		})
	}
}

// The trailers of one answer are not shown to the next exchange, however it is read.
func TestTrailersAreOfOneExchange(t *testing.T) {
	p := newPeer(t, Settings{}, func(r gatewaytest.Request) string {
		if r.Target == "/first" {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Secret: 1\r\n\r\n"
		}
		return withLength("ok")
	})
	x := p.acquire(t, "1")
	require.NoError(t, x.Send(get("/first")))
	_, err := x.AwaitHead()
	require.NoError(t, err)
	require.Empty(t, x.Trailers())
	readAll(t, x)
	require.Equal(t, "X-Secret: 1\r\n", string(x.Trailers()))
	x.End()
	require.Empty(t, x.Trailers())

	x = p.acquire(t, "1")
	defer x.End()
	require.NoError(t, x.Send(get("/second")))
	_, err = x.AwaitHead()
	require.NoError(t, err)
	_, _, err = x.ReadWhole(nil)
	require.NoError(t, err)
	require.Empty(t, x.Trailers())
	require.Equal(t, 1, p.Connections())
}

// FuzzExchange calls the methods in any order, on an exchange and on one that ended before it. No request is written
// twice, and another user's exchange after it gets its own answer.
func FuzzExchange(f *testing.F) {
	answers := []string{
		withLength("first"),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n3\r\nrst\r\n0\r\nX-A: b\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		withLength("first") + withLength("nobody"),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + withLength("nobody"),
		"HTTP/1.1 200 OK\r\n\r\nfirst",
		"",
	}
	for kind := range uint8(len(answers)) {
		for _, calls := range []string{"0126", "01335336", "0123", "0016", "01756", "6012", "0126012", "01416", "\x80\x81\x820126\x83"} {
			f.Add(kind, []byte(calls), kind%2 == 0)
		}
	}
	var asked sync.Map // targets
	var twice atomic.Bool
	settings := Settings{QuietPeriod: time.Nanosecond, FirstByteTimeout: patience, IdleTimeout: 50 * time.Millisecond}
	p := newPeer(f, settings, func(r gatewaytest.Request) string {
		if _, again := asked.LoadOrStore(r.Target, true); again {
			twice.Store(true)
		}
		path, query, _ := strings.Cut(r.Target, "?")
		if strings.HasPrefix(path, "/second") {
			return withLength(path)
		}
		kind, err := strconv.Atoi(query)
		if err != nil {
			return ""
		}
		return answers[kind]
	})
	p.Forget()
	number := 0
	f.Fuzz(func(t *testing.T, kind uint8, calls []byte, upgrades bool) {
		if len(calls) > 30 {
			return
		}
		number++
		first := fmt.Sprintf("/first/%d?%d", number, int(kind)%len(answers))
		old := p.acquire(t, "0")
		old.End()
		x := p.acquireFor(t, Caller{Holder: Holder{User: "1"}, Upgrades: upgrades})
		sent, over := false, false
		var tunnel *Upgraded
		for _, call := range calls {
			on := x
			if call >= 0x80 {
				on = old
			}
			var err error
			switch (call &^ 0x80) % 8 {
			case 0:
				err = on.Send(get(first))
				if on == x {
					require.Equal(t, err == nil, !sent && !over)
					sent = true
				}
			case 1:
				_, err = on.AwaitHead()
			case 2:
				_, _, err = on.ReadWhole(nil)
			case 3:
				_, err = on.Take()
			case 4:
				err = on.Await()
			case 5:
				on.Trailers()
				on.IsEarly()
				on.HasBody()
			case 6:
				on.End()
				if on == x {
					over = true
				}
			case 7:
				var u *Upgraded
				if u, err = on.Upgrade(); err == nil {
					tunnel, over = u, true
				}
			}
			if on == old && err != nil {
				require.ErrorIs(t, err, ErrState)
			}
		}
		x.End()
		if tunnel != nil {
			require.NoError(t, tunnel.Close())
			require.Error(t, tunnel.Close())
		}
		second := fmt.Sprintf("/second/%d", number)
		require.Equal(t, second, p.whole(t, "2", get(second)))
		require.False(t, twice.Load(), "a request was sent twice")
		require.Zero(t, p.pool.requests.inUse())
		require.Zero(t, p.pool.sockets.inUse())
	})
}

// A connection that was upgraded takes its place until it is closed, and first reads what came behind the answer.
func TestUpgrade(t *testing.T) {
	p := newPeer(t, Settings{MaxWebSockets: 1, ConnWait: time.Millisecond}, func(r gatewaytest.Request) string {
		if r.Target == "/plain" {
			return withLength("ok")
		}
		return "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbehind"
	})
	upgrading := Caller{Holder: Holder{User: "1"}, Upgrades: true}
	x := p.acquireFor(t, upgrading)
	require.NoError(t, x.Send(get("/")))
	head, err := x.AwaitHead()
	require.NoError(t, err)
	require.Equal(t, 101, head.Status())
	require.False(t, x.HasBody())
	_, _, err = x.ReadWhole(nil)
	require.ErrorIs(t, err, ErrState)
	tunnel, err := x.Upgrade()
	require.NoError(t, err)
	_, err = x.Upgrade()
	require.ErrorIs(t, err, ErrState)
	x.End()
	read := make([]byte, 6)
	_, err = io.ReadFull(tunnel, read)
	require.NoError(t, err)
	require.Equal(t, "behind", string(read))
	_, err = p.pool.Acquire(upgrading)
	require.ErrorIs(t, err, ErrBusy)
	require.NoError(t, tunnel.CloseWrite())
	require.NoError(t, tunnel.Close())
	require.Error(t, tunnel.Close())

	x = p.acquire(t, "1")
	require.NoError(t, x.Send(get("/unasked")))
	_, err = x.AwaitHead()
	require.ErrorIs(t, err, ErrUpgraded)
	_, err = x.Upgrade()
	require.ErrorIs(t, err, ErrState)
	x.End()

	for range 2 { // an upstream that was asked for another protocol may still speak it
		x = p.acquireFor(t, upgrading)
		require.NoError(t, x.Send(get("/plain")))
		_, err = x.AwaitHead()
		require.NoError(t, err)
		require.Equal(t, "ok", readAll(t, x))
		x.End()
	}
	require.Equal(t, 4, p.Connections())
}

// failing is a body whose caller does something wrong.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error)       { return 0, f.err }
func (failing) IsChunked() bool                  { return true }
func (failing) Panicked(error)                   {}
func (failing) HasEnded() bool                   { return false }
func (failing) AppendTrailers(dst []byte) []byte { return dst }

func TestAnErrorOfTheCallersBodyComesBackAsItWas(t *testing.T) {
	p := newPeer(t, Settings{}, own)
	wrong := errors.New("the caller's own error")
	x := p.acquire(t, "1")
	require.NoError(t, x.Send(Request{
		Head: []byte("POST / HTTP/1.1\r\nHost: upstream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"), Body: failing{wrong},
	}))
	_, err := x.AwaitHead()
	require.Equal(t, wrong, err)
	x.End()
	require.Equal(t, "/next", p.whole(t, "1", get("/next")))
	require.Equal(t, 2, p.Connections())
}

// mistaken is a body that panics when it is read.
type mistaken struct {
	failing
	told chan error
}

func (mistaken) Read([]byte) (int, error) { panic("a mistake") }
func (m mistaken) Panicked(err error)     { m.told <- err }

// A mistake in the goroutine of an upload ends its exchange, and nothing else.
func TestAMistakeInAnUploadEndsItsExchange(t *testing.T) {
	p := newPeer(t, Settings{MaxConns: 1}, own)
	for range 3 {
		x := p.acquire(t, "1")
		told := make(chan error, 1)
		require.NoError(t, x.Send(Request{
			Head: []byte("POST / HTTP/1.1\r\nHost: upstream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"), Body: mistaken{told: told},
		}))
		_, err := x.AwaitHead()
		require.ErrorContains(t, err, "a mistake")
		require.Equal(t, <-told, err)
		x.End()
	}
	require.Equal(t, "/next", p.whole(t, "1", get("/next")))
}
