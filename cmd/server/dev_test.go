package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// devServer is `gatehouse dev` as a process of its own, and what it printed.
type devServer struct {
	site
	issuer, app, password string
	said                  string
	command               *exec.Cmd
	ended                 chan struct{}
}

// devSite is where dev is run: a directory, and ports that nobody has.
func devSite(t *testing.T) site {
	t.Helper()
	env := map[string]string{"DIR": filepath.Join(t.TempDir(), "dev")}
	for _, name := range []string{"GATEHOUSE_LISTEN", "GATEHOUSE_ADMIN_LISTEN"} {
		env[name] = freeAddress(t)
	}
	_, port, err := net.SplitHostPort(env["GATEHOUSE_LISTEN"])
	require.NoError(t, err)
	env["GATEHOUSE_ISSUER"] = "http://localhost:" + port
	return site{t, env}
}

// freeAddress has a port below those that the system gives to clients, so that no connection takes it meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		listener, err := net.Listen("tcp", address)
		if err == nil {
			require.NoError(t, listener.Close())
			return address
		}
	}
	require.Fail(t, "no port is free")
	return ""
}

// dev starts it and waits until it has said what to do next.
func (s site) dev() *devServer {
	s.Helper()
	d := &devServer{site: s, issuer: s.env["GATEHOUSE_ISSUER"], ended: make(chan struct{})}
	d.command = s.command(context.WithoutCancel(s.Context()), "dev", "--dir", s.env["DIR"], "--demo-port", "0")
	d.command.Stderr = os.Stderr
	stdout, err := d.command.StdoutPipe()
	require.NoError(s, err)
	require.NoError(s, d.command.Start())
	kill := time.AfterFunc(2*patience, func() { _ = d.command.Process.Kill() })
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "stop ") {
		d.said += lines.Text() + "\n"
	}
	require.True(s, kill.Stop(), "it does not start")
	go func() {
		for lines.Scan() { // Wait may not be called before the pipe was read
		}
		close(d.ended)
	}()
	s.Cleanup(func() { d.end(syscall.SIGTERM) })
	if found := regexp.MustCompile(`Open (http://localhost:\d+),`).FindStringSubmatch(d.said); found != nil {
		d.app = found[1]
	}
	if found := regexp.MustCompile(`login demo and password (\w{16})\n`).FindStringSubmatch(d.said); found != nil {
		d.password = found[1]
	}
	return d
}

func (d *devServer) end(signal os.Signal) {
	if d.command.ProcessState != nil {
		return
	}
	require.NoError(d, d.command.Process.Signal(signal))
	<-d.ended
	err := d.command.Wait()
	if signal != os.Kill {
		require.NoError(d, err)
	}
}

// post sends a form and returns the answer's object, and where it leads.
func (d *devServer) post(path string, form url.Values) (status int, object map[string]any, leads *url.URL) {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), http.MethodPost, d.issuer+path, strings.NewReader(form.Encode()))
	require.NoError(d, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(d, err)
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&object) // some have none
	leads, _ = response.Location()
	return response.StatusCode, object, leads
}

// tokens are what the demo application would get.
func (d *devServer) tokens() (access, refresh string) {
	d.Helper()
	const verifier = "a-verifier-that-has-at-least-forty-three-characters"
	digest := sha256.Sum256([]byte(verifier))
	redirect := d.app + "/callback"
	status, refused, leads := d.post("/oauth/authorize", url.Values{
		"response_type": {"code"}, "client_id": {"demo"}, "redirect_uri": {redirect}, "scope": {"hello:read"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(digest[:])}, "code_challenge_method": {"S256"},
		"login": {"demo"}, "password": {d.password},
	})
	require.Equal(d, http.StatusFound, status, "%v", refused)
	status, granted, _ := d.post("/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {leads.Query().Get("code")}, "redirect_uri": {redirect}, "client_id": {"demo"},
		"code_verifier": {verifier},
	})
	require.Equal(d, http.StatusOK, status, "%v", granted)
	return granted["access_token"].(string), granted["refresh_token"].(string)
}

func (d *devServer) hello(access string) (status int, body string) {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), http.MethodGet, d.issuer+"/hello", http.NoBody)
	require.NoError(d, err)
	r.Header.Set("Authorization", "Bearer "+access)
	response, err := http.DefaultClient.Do(r)
	require.NoError(d, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(d, err)
	return response.StatusCode, string(text)
}

func TestDevGoesOnFromWhereItWas(t *testing.T) {
	s := devSite(t)
	d := s.dev()
	for name, mode := range map[string]os.FileMode{
		"": 0o700 | os.ModeDir, "config.yaml": 0o600, "demo-password": 0o600, "gatehouse.db": 0o600, ".gitignore": 0o600,
	} {
		info, err := os.Stat(filepath.Join(s.env["DIR"], name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode(), name)
	}
	ignored, err := os.ReadFile(filepath.Join(s.env["DIR"], ".gitignore"))
	require.NoError(t, err)
	require.Equal(t, "*\n", string(ignored), "no secret gets into a repository by accident")
	kept, _ := d.tokens()
	gone, refresh := d.tokens()
	status, body := d.hello(kept)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `"message":"Hello, demo!"`)
	status, _, _ = d.post("/oauth/revoke", url.Values{"token": {refresh}, "client_id": {"demo"}})
	require.Equal(t, http.StatusOK, status)
	before := d.password

	for _, signal := range []os.Signal{os.Kill, syscall.SIGTERM} {
		d.end(signal)
		d = s.dev()
		require.Equal(t, before, d.password)
		status, _ = d.hello(kept)
		require.Equal(t, http.StatusOK, status, "the signing key is the same")
		status, body = d.hello(gone)
		require.Equal(t, http.StatusUnauthorized, status)
		require.Contains(t, body, "The access token was revoked.")
		status, _, _ = d.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {"demo"}})
		require.Equal(t, http.StatusBadRequest, status)
	}
	status, refused, _ := d.post("/oauth/authorize", url.Values{
		"response_type": {"code"}, "client_id": {"demo"}, "redirect_uri": {d.app + "/callback"}, "scope": {"hello:read"},
		"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"}, "login": {"demo"}, "password": {"password"},
	})
	require.Equal(t, http.StatusUnauthorized, status, "%v", refused)

	file := filepath.Join(s.env["DIR"], "config.yaml")
	require.Contains(t, d.said, "client create --config "+file)
	listed := s.list("client", "list", "--config", file)
	require.Len(t, listed, 1)
	require.Equal(t, "demo", listed[0]["id"])
	e := s.run("client", "delete", "demo", "--yes", "--config", file)
	require.Equal(t, exitUndelivered, e.code, "the running server has Redis inside, and delivers it")
	require.Eventually(t, func() bool {
		status, _ := d.hello(kept)
		return status == http.StatusUnauthorized
	}, patience, 50*time.Millisecond)
}

func TestDevDoesWhatItsFileSays(t *testing.T) {
	s := devSite(t)
	d := s.dev()
	d.end(syscall.SIGTERM)
	file := filepath.Join(s.env["DIR"], "config.yaml")
	made, err := os.ReadFile(file)
	require.NoError(t, err)
	changed := fmt.Sprintf("%s\nlndhub_url: http://%s\nroutes: [{path: /orders, methods: [GET], origin: 'http://%s', scope: orders:read, description: x, credential: none}]\n",
		made, nowhere, nowhere)
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
	e := s.run("client", "delete", "demo", "--yes", "--config", file)
	require.Equal(t, exitUndelivered, e.code, "the embedded Redis is not there while nobody serves")

	d = s.dev()
	require.Contains(t, d.said, `There is no demo application, because its client "demo" was deleted or disabled.`)
	require.NotContains(t, d.said, "password", "users sign in at lndhub.go now")
	status, _ := d.hello("x")
	require.Equal(t, http.StatusNotFound, status, "the example makes room for routes")
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, changed, string(kept))

	require.NoError(t, os.WriteFile(file, []byte("no_such_key: 1\n"), 0o600))
	s.refused(2, "unknown key no_such_key", "dev", "--dir", s.env["DIR"], "--demo-port", "0")
	s.refused(2, "dev has the configuration that lies in its --dir", "dev", "--config", file)
}

// In a shell with the environment of oauth2server, dev stays on this machine and leaves the database there alone.
func TestDevLeavesOAuth2ServerAlone(t *testing.T) {
	s := devSite(t)
	_, s.env["PORT"], _ = net.SplitHostPort(s.env["GATEHOUSE_LISTEN"])
	delete(s.env, "GATEHOUSE_LISTEN")
	s.env["DATABASE_URI"], s.env["JWT_SECRET"], s.env["LNDHUB_URL"] = "postgres://"+nowhere+"/oauth", "short", "http://"+nowhere
	require.NoError(t, os.Mkdir(s.env["DIR"], 0o700))
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	s.env["GATEHOUSE_ISSUER"] = "http://localhost:" + port
	configuration := fmt.Sprintf("listen: %s\ndatabase_url: sqlite:%s\nredis_url: 'embedded:'\njwt_secret: %032d\nkeys: {secret: %032d}\n",
		address, filepath.Join(s.env["DIR"], "gatehouse.db"), 1, 2)
	require.NoError(t, os.WriteFile(filepath.Join(s.env["DIR"], "config.yaml"), []byte(configuration), 0o600))

	d := s.dev()
	require.NotEmpty(t, d.password, d.said)
	access, _ := d.tokens()
	status, _ := d.hello(access)
	require.Equal(t, http.StatusOK, status)
}
