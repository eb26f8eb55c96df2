package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newAPI is an API that trusts whoever is in front of it.
func newAPI(t *testing.T) (address string) {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the API") }))
	t.Cleanup(api.Close)
	return api.Listener.Addr().String()
}

// runProxy runs a proxy with its configuration until the test ends, and waits until it accepts connections.
func runProxy(t *testing.T, address string, command ...string) {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Skipf("%s is not installed; make test installs it", command[0])
	}
	ctx, cancel := context.WithCancel(context.Background())
	proxy := exec.CommandContext(ctx, command[0], command[1:]...)
	proxy.Cancel = func() error { return proxy.Process.Signal(syscall.SIGTERM) }
	proxy.WaitDelay = patience
	var said bytes.Buffer
	proxy.Stdout, proxy.Stderr = &said, &said
	require.NoError(t, proxy.Start())
	ended := make(chan struct{})
	go func() {
		_ = proxy.Wait() // how it ends when it is told to is its own
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", command[0], &said)
		}
	})
	require.Eventually(t, func() bool {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	}, patience, 20*time.Millisecond)
}

// status is what a proxy answers to a caller with the token.
func status(t *testing.T, address, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", http.NoBody)
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, response.StatusCode == http.StatusOK, string(body) == "the API")
	return response.StatusCode
}

func TestNginx(t *testing.T) {
	address, _, err := freeAddresses()
	require.NoError(t, err)
	locations := strings.NewReplacer("https://auth.example.com", strings.Replace(gatehouse.issuer, "localhost", "127.0.0.1", 1),
		"127.0.0.1:3000", newAPI(t)).Replace(fromPage(t, "nginx", "nginx"))
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(fmt.Sprintf(`daemon off;
pid nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen %s;
		%s
	}
}
`, address, locations)), 0o600))
	runProxy(t, address, "nginx", "-e", "stderr", "-p", dir, "-c", file)

	app := register(t, true)
	_, token := connect(t, app)
	require.Equal(t, http.StatusOK, status(t, address, token.AccessToken))
	require.Equal(t, http.StatusUnauthorized, status(t, address, ""))
	require.Equal(t, http.StatusUnauthorized, status(t, address, changed(token.AccessToken)))
	revoked, err := http.PostForm(gatehouse.issuer+"/oauth/revoke", url.Values{"token": {token.AccessToken}, "client_id": {app.ID}})
	require.NoError(t, err)
	require.NoError(t, revoked.Body.Close())
	require.Equal(t, http.StatusUnauthorized, status(t, address, token.AccessToken))
}

// postAdmin asks the admin API for something.
func postAdmin(t *testing.T, path string) {
	t.Helper()
	response, err := http.Post(gatehouse.admin+path, "application/json", http.NoBody)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Less(t, response.StatusCode, http.StatusMultipleChoices)
}

// publishedKeys is the JWKS and its kids.
func publishedKeys(t *testing.T) (document []byte, kids []string) {
	t.Helper()
	response, err := http.Get(gatehouse.issuer + "/.well-known/jwks.json")
	require.NoError(t, err)
	defer response.Body.Close()
	document, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	var set struct{ Keys []struct{ Kid string } }
	require.NoError(t, json.Unmarshal(document, &set))
	for _, key := range set.Keys {
		kids = append(kids, key.Kid)
	}
	return document, kids
}

// TestHAProxyFollowsARotation: with the keys as they were when the next one was published, it takes that one's tokens.
func TestHAProxyFollowsARotation(t *testing.T) {
	_, before := publishedKeys(t)
	postAdmin(t, "/admin/keys/rotate")
	var document []byte
	require.Eventually(t, func() bool {
		var kids []string
		document, kids = publishedKeys(t)
		return len(kids) == len(before)+1
	}, patience, 50*time.Millisecond)

	dir := t.TempDir()
	script := exec.CommandContext(t.Context(), "python3", "-c", fromPage(t, "HAProxy", "python"))
	script.Dir, script.Stdin = dir, bytes.NewReader(document)
	output, err := script.CombinedOutput()
	require.NoError(t, err, "%s", output)

	address, _, err := freeAddresses()
	require.NoError(t, err)
	configuration := strings.NewReplacer("https://auth.example.com", gatehouse.issuer, "127.0.0.1:3000", newAPI(t), "/etc/haproxy/keys", dir,
		"bind :8080", "bind "+address).Replace(fromPage(t, "HAProxy", "haproxy"))
	file := filepath.Join(dir, "haproxy.cfg")
	require.NoError(t, os.WriteFile(file, []byte("defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n"+configuration), 0o600))
	runProxy(t, address, "haproxy", "-db", "-f", file)

	app := register(t, true)
	_, token := connect(t, app)
	require.Equal(t, http.StatusOK, status(t, address, token.AccessToken))
	require.Equal(t, http.StatusUnauthorized, status(t, address, ""))
	require.Equal(t, http.StatusUnauthorized, status(t, address, changed(token.AccessToken)))

	postAdmin(t, "/admin/keys/"+before[len(before)-1]+"/revoke") // so that the next one signs now
	require.Eventually(t, func() bool {
		_, kids := publishedKeys(t)
		return len(kids) == len(before)
	}, patience, 50*time.Millisecond)
	_, next := connect(t, app)
	require.NotEqual(t, strings.Split(token.AccessToken, ".")[0], strings.Split(next.AccessToken, ".")[0], "it is signed with another key")
	require.Equal(t, http.StatusOK, status(t, address, next.AccessToken))
}
