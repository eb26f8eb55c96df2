package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/app/config"
	"gatehouse/gateway"
)

// logBook is a log that can be read while it is written.
type logBook struct {
	mu     sync.Mutex
	text   bytes.Buffer
	buffer *app.LogBuffer // before it; nil when there is none
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is everything that was logged so far.
func (b *logBook) String() string {
	if b.buffer != nil && b.buffer.Flush(startTimeout) != nil {
		return "the log is stuck"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// requests are the access lines, in their order.
func (b *logBook) requests(t *testing.T) []map[string]any {
	t.Helper()
	return b.lines(t, "request")
}

// lines are those with this message, in their order.
func (b *logBook) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(b.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields), line)
		if fields["msg"] == message {
			lines = append(lines, fields)
		}
	}
	return lines
}

// last is the access line of the request that was answered last. It came before its answer.
func (b *logBook) last(t *testing.T) map[string]any {
	t.Helper()
	lines := b.requests(t)
	require.NotEmpty(t, lines)
	return lines[len(lines)-1]
}

// startLogged is start with a log.
func startLogged(t *testing.T, cfg config.Config) (*running, *logBook) {
	t.Helper()
	book := &logBook{}
	book.buffer = &app.LogBuffer{Out: book}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	if cfg.DatabaseURL == "" {
		cfg.DatabaseURL = sqliteFile(t)
	}
	gatehouse, err := app.New(ctx, cfg, app.Options{Log: app.NewLogger(cfg.Log, book.buffer)})
	require.NoError(t, err)
	require.NoError(t, gatehouse.Start(ctx))
	r := &running{
		t: t, config: cfg, app: gatehouse,
		public: "http://" + gatehouse.Addr().String(), admin: "http://" + gatehouse.AdminAddr().String(),
	}
	t.Cleanup(func() { r.stop() })
	r.awaitReady()
	return r, book
}

// sendRaw sends exactly that text on a connection of its own and returns what comes back.
func (r *running) sendRaw(text string) *http.Response {
	r.t.Helper()
	c := r.dial()
	defer c.Close()
	c.Send(text)
	return c.Receive("").Response
}

func observedConfig(upstream string) config.Config {
	cfg := testConfig(upstream)
	cfg.Routes = append(cfg.Routes, gateway.Route{
		Path: "/invoices/{payment_hash}", Methods: []string{"GET"}, Origin: upstream, Scope: "invoices:read", Credential: "none",
		Description: "Read invoices.",
	})
	return cfg
}

func TestEachRequestHasOneLine(t *testing.T) {
	r, book := startLogged(t, observedConfig(echoUpstream(t)))
	a := r.register()
	given := r.consent(a, 12345, "balance:read payments:send invoices:read")
	require.Len(t, book.requests(t), 2, "those of the admin listener are others")
	issued := book.last(t)
	require.Equal(t, "/oauth/token", issued["route"])
	require.Equal(t, []any{"12345", a.id}, []any{issued["subject"], issued["client"]})

	header := bearer(given.access)
	header.Set("X-Request-Id", "caller.1-2_3")
	for name, test := range map[string]struct {
		method, target, body string
		header               http.Header
		want                 map[string]any
	}{
		"a route": {"GET", "/balance?verbose=secret-query", "", header, map[string]any{
			"method": "GET", "route": "/balance", "status": 200., "bytes_in": 0., "subject": "12345", "client": a.id,
			"request_id": "caller.1-2_3", "remote": "127.0.0.1", "level": "INFO",
		}},
		"a route's parameter": {"GET", "/invoices/secret-hash", "", header, map[string]any{
			"route": "/invoices/{payment_hash}", "status": 200.,
		}},
		"a body": {"POST", "/payments/bolt11", "secret-body", header, map[string]any{
			"method": "POST", "route": "/payments/bolt11", "bytes_in": 11.,
		}},
		"HEAD":                {"HEAD", "/balance", "", header, map[string]any{"method": "HEAD", "route": "/balance", "status": 200., "bytes_out": 0.}},
		"HEAD of an endpoint": {"HEAD", "/oauth/scopes", "", nil, map[string]any{"status": 200., "bytes_out": 0.}},
		"refused": {"GET", "/balance", "", bearer("secret-token"), map[string]any{
			"route": "/balance", "status": 401., "subject": nil, "client": nil,
		}},
		"nowhere":           {"GET", "/secret-path", "", nil, map[string]any{"route": "none", "status": 404.}},
		"no such method":    {"PURGE", "/balance", "", nil, map[string]any{"method": "other", "route": "none", "status": 405.}},
		"an endpoint":       {"GET", "/oauth/scopes", "", nil, map[string]any{"route": "/oauth/scopes", "status": 200., "subject": nil}},
		"an endpoint's id":  {"DELETE", "/clients/secret-id", "", nil, map[string]any{"route": "/clients/{clientId}", "status": 401.}},
		"no endpoint":       {"GET", "/oauth/secret-path", "", nil, map[string]any{"route": "none", "status": 404.}},
		"an ambiguous path": {"GET", "/oauth/%2e%2e/secret-path", "", nil, map[string]any{"route": "none", "status": 400.}},
		"token, in the query": {"POST", "/oauth/token?grant_type=refresh_token&refresh_token=secret-refresh", "",
			http.Header{"Authorization": {"Basic c2VjcmV0LWJhc2lj"}}, map[string]any{"route": "/oauth/token", "status": 401.}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(book.requests(t))
			answered := r.do(test.method, r.public+test.target, strings.NewReader(test.body), test.header)
			require.Len(t, book.requests(t), before+1)
			line := book.last(t)
			for key, want := range test.want {
				require.Equal(t, want, line[key], key)
			}
			require.Equal(t, answered.header.Get("X-Request-Id"), line["request_id"])
			if test.method != "HEAD" {
				require.EqualValues(t, len(answered.body), line["bytes_out"])
			}
			require.GreaterOrEqual(t, line["duration_ms"], 0.)
		})
	}
	t.Run("a body of unknown length", func(t *testing.T) {
		body := struct{ io.Reader }{strings.NewReader("secret-body")}
		require.Equal(t, http.StatusOK, r.do(http.MethodPost, r.public+"/payments/bolt11", body, bearer(given.access)).status)
		require.EqualValues(t, 11, book.last(t)["bytes_in"])
	})
	t.Run("unreadable", func(t *testing.T) {
		before := len(book.requests(t))
		answered := r.sendRaw("GET /secret-path HTTP/1.1\r\nHost: h\r\nContent-Length: secret\r\n\r\n")
		require.Equal(t, http.StatusBadRequest, answered.StatusCode)
		require.Len(t, book.requests(t), before+1)
		line := book.last(t)
		require.Equal(t, []any{"none", 400.}, []any{line["route"], line["status"]})
		require.Equal(t, answered.Header.Get("X-Request-Id"), line["request_id"])
	})

	for _, hidden := range []string{"secret", "c2VjcmV0", given.access, given.refresh, a.secret, "redirect_uri", "Bearer", "Basic"} {
		require.NotContains(t, book.String(), hidden)
	}
}

func TestARequestIDComesFromTheCallerOrIsMade(t *testing.T) {
	r, book := startLogged(t, testConfig(echoUpstream(t)))
	token := r.consent(r.register(), 1, "balance:read").access
	ask := func(sent ...string) (answered, forwarded, logged string) {
		header := bearer(token)
		header["X-Request-Id"] = sent
		a := r.do(http.MethodGet, r.public+"/balance", nil, header)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Len(t, a.header["X-Request-Id"], 1)
		values := a.json(t)["header"].(map[string]any)["X-Request-Id"].([]any)
		require.Len(t, values, 1)
		return a.header.Get("X-Request-Id"), values[0].(string), book.last(t)["request_id"].(string)
	}
	for _, good := range []string{"1", "A.b_c-9", strings.Repeat("x", 128)} {
		answered, forwarded, logged := ask(good)
		require.Equal(t, []string{good, good, good}, []string{answered, forwarded, logged})
	}
	seen := map[string]bool{}
	for _, sent := range [][]string{nil, {""}, {"a b"}, {"a,b"}, {"a\tb"}, {"é"}, {"a\"b"}, {"${jndi:x}"}, {strings.Repeat("x", 129)}} {
		answered, forwarded, logged := ask(sent...)
		require.Regexp(t, `^[0-9a-f]{32}$`, answered)
		require.Equal(t, []string{answered, answered}, []string{forwarded, logged})
		require.False(t, seen[answered], "made for this request alone")
		seen[answered] = true
	}
}

func TestTheLogShowsWhoIsBehindATrustedProxy(t *testing.T) {
	for name, test := range map[string]struct {
		trusted []string
		chain   []string
		want    string
	}{
		"no proxy":                     {nil, nil, "127.0.0.1"},
		"not trusted":                  {nil, []string{"203.0.113.7"}, "127.0.0.1"},
		"others are trusted":           {[]string{"10.0.0.0/8"}, []string{"203.0.113.7"}, "127.0.0.1"},
		"trusted":                      {[]string{"127.0.0.1"}, []string{"203.0.113.7"}, "203.0.113.7"},
		"trusted, nothing said":        {[]string{"127.0.0.1"}, nil, "127.0.0.1"},
		"two proxies":                  {[]string{"127.0.0.1", "10.0.0.0/8"}, []string{"203.0.113.7, 10.1.2.3"}, "203.0.113.7"},
		"two proxies, one trusted":     {[]string{"127.0.0.1"}, []string{"203.0.113.7, 10.1.2.3"}, "10.1.2.3"},
		"two headers":                  {[]string{"127.0.0.1", "10.0.0.0/8"}, []string{"203.0.113.7", "10.1.2.3"}, "203.0.113.7"},
		"two headers, one made up":     {[]string{"127.0.0.1"}, []string{"198.51.100.1", "203.0.113.7"}, "203.0.113.7"},
		"what a caller made up":        {[]string{"127.0.0.1"}, []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		"IPv6":                         {[]string{"127.0.0.1"}, []string{"2001:db8::7"}, "2001:db8::7"},
		"nonsense":                     {[]string{"127.0.0.1"}, []string{"unknown"}, "127.0.0.1"},
		"nonsense before a good hop":   {[]string{"127.0.0.1", "10.0.0.0/8"}, []string{"x, 10.1.2.3"}, "10.1.2.3"},
		"all of them are the proxies'": {[]string{"127.0.0.1", "10.0.0.0/8"}, []string{"10.1.1.1, 10.1.2.3"}, "10.1.1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig("http://127.0.0.1:1")
			cfg.TrustedProxies = test.trusted
			r, book := startLogged(t, cfg)
			r.do(http.MethodGet, r.public+"/oauth/scopes", nil, http.Header{"X-Forwarded-For": test.chain})
			require.Equal(t, test.want, book.last(t)["remote"])
		})
	}
}

func TestTheLogIsWrittenAsConfigured(t *testing.T) {
	cfg := testConfig("http://127.0.0.1:1")
	cfg.Log.Access = false
	r, book := startLogged(t, cfg)
	r.do(http.MethodGet, r.public+"/oauth/scopes", nil, nil)
	require.Empty(t, book.requests(t))
	require.Contains(t, book.String(), `"msg":"serving"`)

	cfg.Log = config.Log{Format: "text", Level: "info", Access: true}
	r, book = startLogged(t, cfg)
	r.do(http.MethodGet, r.public+"/oauth/scopes", nil, nil)
	require.Contains(t, book.String(), " msg=request method=GET route=/oauth/scopes status=200 ")

	cfg.Log = config.Log{Format: "json", Level: "warn", Access: true}
	r, book = startLogged(t, cfg)
	r.do(http.MethodGet, r.public+"/oauth/scopes", nil, nil)
	require.NotContains(t, book.String(), `"level":"INFO"`)

	var text bytes.Buffer
	app.NewLogger(config.Log{Format: "json", Level: "debug"}, &text).Log(t.Context(), slog.LevelDebug, "fine")
	require.Contains(t, text.String(), "fine")
}

func TestLogLinesOfARequestShareItsID(t *testing.T) {
	r, book := startLogged(t, testConfig("http://127.0.0.1:1"))
	header := bearer(r.consent(r.register(), 1, "balance:read").access)
	header.Set("X-Request-Id", "broken-one")
	require.Equal(t, http.StatusBadGateway, r.do(http.MethodGet, r.public+"/balance", nil, header).status)
	var about []string
	for line := range strings.Lines(book.String()) {
		if strings.Contains(line, `"request_id":"broken-one"`) {
			about = append(about, line)
		}
	}
	require.Len(t, about, 2)
	require.Contains(t, about[0], "upstream failed")
	require.Contains(t, about[1], `"msg":"request"`)
}
