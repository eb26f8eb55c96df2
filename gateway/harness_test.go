package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/gateway/listener"
	"gatehouse/keys"
)

const (
	issuer    = "http://localhost:8081"
	jwtSecret = "a secret shared with lndhub"
	patience  = gatewaytest.Patience
)

// The fixture, under the names that these tests have for it.
type (
	fakeUpstream = gatewaytest.Upstream
	link         = gatewaytest.Conn
	call         = gatewaytest.Caller
	answer       = gatewaytest.Answer
)

const (
	okAnswer    = gatewaytest.OK
	chunkedHead = gatewaytest.ChunkedHead
	text        = gatewaytest.Text
)

var (
	newUpstream               = gatewaytest.NewUpstream
	answerAll, answering      = gatewaytest.AnswerAll, gatewaytest.Answering
	answerFor                 = gatewaytest.WithLength
	raw, withBody             = gatewaytest.Raw, gatewaytest.RawWithBody
	frame, closeFrame, masked = gatewaytest.Frame, gatewaytest.CloseFrame, gatewaytest.Masked
)

var now = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// system is a gateway on a real listener with everything it asks replaced or made for the test.
type system struct {
	t        *testing.T
	addr     string
	secured  bool
	gateway  *gateway.Gateway
	key      *keys.Key
	denylist *fakeDenylist
	log      *logText
}

// logText is a log that may be read while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logText) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// awaitLine waits for what is logged after the caller has heard everything, and returns the log.
func (l *logText) awaitLine(t *testing.T, part string) string {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(l.String(), part) }, patience, time.Millisecond, "%q is not logged", part)
	return l.String()
}

// options change what newSystem makes.
type options struct {
	config func(*gateway.Config)
	fiber  func(*fiber.Config)
	// secured callers speak TLS.
	secured bool
	// bare connections are served as they were accepted. The listener gives out one request at a time, and so rules out what
	// a server does that has read two.
	bare bool
	// conn makes what is served of a bare connection; nil leaves it as it is.
	conn func(net.Conn) net.Conn
}

func newSystem(t *testing.T, routes []gateway.Route, opts options) *system {
	t.Helper()
	key, err := keys.Generate(keys.ES256)
	require.NoError(t, err)
	ring, err := keys.NewRing(key)
	require.NoError(t, err)
	s := &system{t: t, key: key, denylist: &fakeDenylist{}, log: &logText{}}
	clock := func() time.Time { return now }
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config := gateway.Config{
		Routes:    routes,
		Verifier:  &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: ring, Now: clock},
		Denylist:  s.denylist,
		JWTSecret: []byte(jwtSecret),
		Log:       log,
		Now:       clock,
	}
	if opts.config != nil {
		opts.config(&config)
	}
	g, err := gateway.New(config)
	require.NoError(t, err)
	s.gateway = g

	fiberConfig := fiber.Config{
		DisableStartupMessage: true,
		ReadBufferSize:        16 << 10,
		ErrorHandler:          gateway.ErrorHandler(log),
	}
	if opts.fiber != nil {
		opts.fiber(&fiberConfig)
	}
	app := fiber.New(fiberConfig)
	g.Bind(app.Server())

	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	callers := listener.Config{
		Limits:   listener.Limits{HeaderSize: fiberConfig.ReadBufferSize, HeaderCount: 100},
		Timeouts: listener.Timeouts{Header: patience, Body: patience, Write: patience, Idle: patience},
		Log:      slog.New(slog.DiscardHandler),
	}
	if s.secured = opts.secured; s.secured {
		callers.TLS = gatewaytest.NewCertificate(t, 1, "localhost").Serving(t)
	}
	inner := &servedListener{Listener: tcp, served: make(chan struct{}), conn: opts.conn}
	var ln net.Listener = inner
	if !opts.bare {
		ln = listener.New(inner, callers)
	}
	s.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- app.Listener(ln) }()
	<-inner.served // a server that is shut down before would serve for ever
	t.Cleanup(func() {
		require.NoError(t, app.ShutdownWithTimeout(patience))
		require.NoError(t, <-served)
		require.NoError(t, g.Close())
	})
	return s
}

// servedListener tells when it is served.
type servedListener struct {
	net.Listener
	once   sync.Once
	served chan struct{} // closed then
	conn   func(net.Conn) net.Conn
}

func (l *servedListener) Accept() (net.Conn, error) {
	l.once.Do(func() { close(l.served) })
	accepted, err := l.Listener.Accept()
	if err == nil && l.conn != nil {
		accepted = l.conn(accepted)
	}
	return accepted, err
}

// fakeDenylist answers what it is told to and remembers what it was asked.
type fakeDenylist struct {
	mu     sync.Mutex
	answer error
	key    string // of Query.KeyID that the answer is for; "": for all
	asked  []denylist.Query
}

var _ denylist.Checker = (*fakeDenylist)(nil)

func (f *fakeDenylist) Check(_ context.Context, q denylist.Query) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, q)
	if f.key != "" && f.key != q.KeyID {
		return nil
	}
	return f.answer
}

// setFor answers so about the key alone.
func (f *fakeDenylist) setFor(key string, answer error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.key, f.answer = key, answer
}

func (f *fakeDenylist) set(answer error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func (f *fakeDenylist) queries() []denylist.Query {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]denylist.Query(nil), f.asked...)
}

// claims are those of a good token of user 7; changes are applied on top, and nil removes a claim.
func claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": issuer, "aud": []string{issuer}, "sub": "7", "client_id": "app", "jti": "token-1", "grant_id": "grant-1",
		"scope": "balance:read invoices:create", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
	}
	return c
}

func (s *system) token(changes map[string]any) string {
	s.t.Helper()
	token, err := s.key.Sign(keys.TypeAccessToken, claims(changes))
	require.NoError(s.t, err)
	return token
}

// dial connects to the gateway.
func (s *system) dial() *call {
	s.t.Helper()
	if s.secured {
		return gatewaytest.DialTLS(s.t, s.addr, &tls.Config{InsecureSkipVerify: true}) // #nosec G402 -- whom it speaks to is known
	}
	return gatewaytest.Dial(s.t, s.addr)
}

// dialAgain is dial for other goroutines than the test's, and leaves closing to the caller.
func (s *system) dialAgain() *call {
	for {
		if c, err := gatewaytest.TryDial(s.t, s.addr); err == nil {
			return c
		}
		time.Sleep(time.Millisecond) // out of ports
	}
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// do sends one request on a connection of its own.
func (s *system) do(request string) answer {
	s.t.Helper()
	return s.dial().Do(request)
}

// requireRefused holds an answer to the error form that every refusal has. What it says of a request that was sent is for
// requireSent.
func requireRefused(t *testing.T, a answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, a.StatusCode, a.Body)
	require.Equal(t, "application/json", a.Header.Get("Content-Type"))
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.Body), &body), a.Body)
	require.IsType(t, true, body["sent"])
	_, hasOutcome := body["outcome"]
	require.Equal(t, body["sent"], hasOutcome)
	for name := range body {
		require.Contains(t, []string{"status", "error", "error_description", "sent", "outcome"}, name)
	}
	require.EqualValues(t, status, body["status"])
	require.Equal(t, code, body["error"])
	require.NotEmpty(t, body["error_description"])
}
