package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/stretchr/testify/require"
)

const (
	hostSecret = "the secret of the host application"
	callback   = "http://localhost:9999/callback"
)

// served is a server that runs as a process of its own; with serve, in front of an upstream that answers everything with 200.
type served struct {
	site
	public, admin string
	stderr        io.Closer // the end that is read
}

// serve starts a server with a configuration of its own, in front of an upstream.
func (s site) serve() served {
	s.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Cleanup(upstream.Close)
	file := filepath.Join(s.TempDir(), "config.yaml")
	require.NoError(s, os.WriteFile(file, fmt.Appendf(nil, `
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
jwt_secret: %s
routes:
  - {path: /balance, methods: [GET], origin: %q, scope: "balance:read", description: Read., credential: none}
`, hostSecret, upstream.URL), 0o600))
	return s.serveFile(file)
}

// serveFile starts a server and waits until it is ready. It is stopped at the end, which it must survive.
func (s site) serveFile(file string) served {
	s.Helper()
	command := s.with("GATEHOUSE_CONFIG", file).command(context.WithoutCancel(s.Context()), "serve") // it is to end by itself
	stderr, err := command.StderrPipe()
	require.NoError(s, err)
	require.NoError(s, command.Start())
	ended := make(chan struct{})
	s.Cleanup(func() {
		require.NoError(s, command.Process.Signal(syscall.SIGTERM))
		<-ended
		require.NoError(s, command.Wait())
	})
	type addresses struct {
		Message string `json:"msg"`
		Listen  string `json:"listen"`
		Admin   string `json:"admin"`
	}
	serving := make(chan addresses, 1)
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			var line addresses
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "serving" {
				serving <- line
			}
		}
	}()
	select {
	case at := <-serving:
		r := served{s, "http://" + at.Listen, "http://" + at.Admin, stderr}
		require.Eventually(s, func() bool { return r.get(r.admin+"/readyz", "") == http.StatusOK }, patience, 10*time.Millisecond)
		return r
	case <-ended:
		require.FailNow(s, "the server has not started", s.env)
	case <-time.After(patience):
		require.FailNow(s, "the server does not serve")
	}
	panic("unreachable")
}

func (r served) get(target, token string) (status int) {
	r.Helper()
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, target, http.NoBody)
	require.NoError(r, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(r, err)
	require.NoError(r, response.Body.Close())
	return response.StatusCode
}

// balance asks again while the gateway cannot tell: on a loaded machine it may know too little for a moment, and Redis may
// be too slow for a question.
func (r served) balance(token string) (status int) {
	r.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		status = r.get(r.public+"/balance", token)
		if status != http.StatusServiceUnavailable || time.Now().After(deadline) {
			return status
		}
	}
}

// requireRefused waits until the token does not pass any more.
func (r served) requireRefused(token string) {
	r.Helper()
	require.Eventually(r, func() bool { return r.balance(token) == http.StatusUnauthorized }, patience, 10*time.Millisecond)
}

// given is an access token, with what it says of itself.
type given struct{ token, jti, grant string }

// userToken is the host application's, of one of its users.
func userToken(t require.TestingT, user int64) string {
	built, err := jwt.NewBuilder().Claim("id", user).Expiration(time.Now().Add(time.Hour)).Build()
	require.NoError(t, err)
	signed, err := jwt.Sign(built, jwt.WithKey(jwa.HS256, []byte(hostSecret)))
	require.NoError(t, err)
	return string(signed)
}

// consent is what a client gets when a user allows it to read the balance.
func (r served) consent(user int64, client map[string]any) given {
	r.Helper()
	id, secret := client["clientId"].(string), client["clientSecret"].(string)
	allowed := r.post("/oauth/authorize", url.Values{
		"client_id": {id}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {"balance:read"},
	}, func(request *http.Request) { request.Header.Set("Authorization", "Bearer "+userToken(r, user)) })
	require.Equal(r, http.StatusFound, allowed.StatusCode)
	location, err := allowed.Location()
	require.NoError(r, err)

	issued := r.post("/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")}, "redirect_uri": {callback},
	}, func(request *http.Request) { request.SetBasicAuth(id, secret) })
	require.Equal(r, http.StatusOK, issued.StatusCode)
	body, err := io.ReadAll(issued.Body)
	require.NoError(r, err)
	token := decode[map[string]any](r, string(body))["access_token"].(string)
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(r, err)
	said := decode[map[string]any](r, string(claims))
	return given{token, said["jti"].(string), said["grant_id"].(string)}
}

func (r served) post(path string, form url.Values, authenticate func(*http.Request)) *http.Response {
	r.Helper()
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.public+path, strings.NewReader(form.Encode()))
	require.NoError(r, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	authenticate(request)
	response, err := http.DefaultTransport.RoundTrip(request) // which follows no redirect
	require.NoError(r, err)
	r.Cleanup(func() { require.NoError(r, response.Body.Close()) })
	return response
}

// TestAServerOutlivesWhoReadsItsLog is about SIGPIPE, which ends a process that writes to a standard error without a reader.
func TestAServerOutlivesWhoReadsItsLog(t *testing.T) {
	onEach(t, func(t *testing.T, s site) {
		r := s.serve()
		require.NoError(t, r.stderr.Close())
		dropped := func() bool { // each question is a line of the log
			require.Equal(t, http.StatusUnauthorized, r.get(r.public+"/balance", ""))
			response, err := http.Get(r.admin + "/metrics")
			require.NoError(t, err)
			defer response.Body.Close()
			metrics, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			_, failed, _ := strings.Cut(string(metrics), `gatehouse_log_lines_dropped_total{kind="failed"} `)
			return failed != "" && failed[0] != '0'
		}
		require.Eventually(t, dropped, patience, 10*time.Millisecond)
	})
}

func TestServersThatMustNotMigrateWaitForMigrate(t *testing.T) {
	onEach(t, func(t *testing.T, s site) {
		s = s.with("GATEHOUSE_DATABASE_MIGRATE", "false")
		e := s.with("GATEHOUSE_TARGETS_FILE", targets(t), "GATEHOUSE_JWT_SECRET", hostSecret).run("authz")
		require.Equal(t, 1, e.code)
		require.Contains(t, e.stderr, "gatehouse migrate")
		s.ok("migrate")
		s.serve()
	})
}

func TestAServerWithAnotherKeysSecretSaysSoAndChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s site) {
		r := s.serve()
		token := r.consent(1, s.object("client", "create", "--name", "App", "--redirect-uri", callback)).token
		keys, changes := s.list("key", "list"), s.audit()

		wrong := s.with("GATEHOUSE_KEYS_SECRET", "another-0123456789abcdef01234567", "GATEHOUSE_TARGETS_FILE", targets(t),
			"GATEHOUSE_JWT_SECRET", hostSecret)
		for _, role := range []string{"authz", "serve"} {
			e := wrong.run(role)
			require.Equal(t, 2, e.code, "there is no use in starting it again as it is")
			require.Contains(t, e.stderr, "nothing was changed: set keys.secret to what it was when this database was first used")
			require.Contains(t, e.stderr, keys[0]["id"].(string))
			require.NotContains(t, e.stderr, "another-", "what the secret is stays secret")
		}

		require.Equal(t, keys, s.list("key", "list"))
		require.Equal(t, changes, s.audit())
		require.Equal(t, http.StatusOK, r.balance(token), "the server with the right one goes on")
	})
}

// targets is a file of routes.
func targets(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "targets.json")
	require.NoError(t, os.WriteFile(file, []byte(
		`[{"matchRoute":"/balance","origin":"http://localhost:1","description":"Read.","scope":"balance:read","method":"GET"}]`), 0o600))
	return file
}
