package deploy_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	patience = 10 * time.Second
	// debianStream is where Debian keeps the module that other builds of nginx contain.
	debianStream = "/usr/lib/nginx/modules/ngx_stream_module.so"
)

// server stands behind the load balancer and counts the requests that reached it.
type server struct {
	address  string
	requests atomic.Int64
	last     atomic.Pointer[http.Request]
	listener net.Listener
}

// serve answers requests; a nil answer breaks the connection off once the request was read.
func serve(t *testing.T, address string, answer http.HandlerFunc) *server {
	t.Helper()
	var err error
	s := &server{}
	s.listener, err = net.Listen("tcp", address)
	require.NoError(t, err)
	s.address = s.listener.Addr().String()
	running := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.requests.Add(1)
		s.last.Store(r)
		if answer == nil {
			panic(http.ErrAbortHandler)
		}
		answer(w, r)
	})}
	go func() { _ = running.Serve(s.listener) }()
	t.Cleanup(func() { _ = running.Close() })
	return s
}

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// freeAddress is one that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// nginx runs nginx.conf with the servers at these addresses and returns the URL of the load balancer and its log.
func nginx(t *testing.T, addresses map[string]string) (url, log string) {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(binary); err != nil {
		t.Skip("needs nginx, which make test installs")
	}
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	listen := freeAddress(t)
	replaced := []string{
		"/run/", dir + "/", "/dev/stderr", log, "/dev/stdout", log,
		"listen 8080", "listen " + listen, "listen 127.0.0.1:8079", "listen " + freeAddress(t),
		"worker_processes auto", "worker_processes 2",
		// Where one that is not root may write.
		"\nhttp {", "\nhttp {\nclient_body_temp_path " + dir + "/body; proxy_temp_path " + dir + "/proxy;" +
			"fastcgi_temp_path " + dir + "/f; uwsgi_temp_path " + dir + "/u; scgi_temp_path " + dir + "/s;\n",
	}
	for _, name := range []string{"authz-1", "authz-2", "gateway-1", "gateway-2", "gateway-3"} {
		address := addresses[name]
		if address == "" {
			address = freeAddress(t)
		}
		replaced = append(replaced, name+":8081", address)
	}
	config := strings.NewReplacer(replaced...).Replace(readFile(t, "nginx.conf"))
	if _, err := os.Stat(debianStream); err == nil {
		config = "load_module " + debianStream + ";\n" + config
	}
	if os.Geteuid() == 0 { // whose workers are another user's, that may not enter dir
		config = "user root;\n" + config
	}
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))

	var output bytes.Buffer
	command := exec.Command(binary, "-e", log, "-p", dir, "-c", file, "-g", "daemon off;")
	command.Stdout, command.Stderr = &output, &output
	require.NoError(t, command.Start())
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	require.Eventually(t, func() bool {
		select {
		case <-ended:
			require.Fail(t, "nginx ended", "%s\n%s", output.String(), readFile(t, log))
		default:
		}
		connection, err := net.Dial("tcp", listen)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	}, patience, 10*time.Millisecond)
	return "http://" + listen, log
}

// ask sends one request on a connection of its own, with the target as it is written, and returns the answer.
func ask(t *testing.T, url, method, target, body string, header http.Header) (status int, answer string) {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer connection.Close()
	request := &http.Request{Method: method, Header: header}
	var text bytes.Buffer
	text.WriteString(method + " " + target + " HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n")
	require.NoError(t, header.Write(&text))
	if body != "" {
		text.WriteString("Content-Length: " + itoa(len(body)) + "\r\n")
	}
	text.WriteString("\r\n" + body)
	_, err = connection.Write(text.Bytes())
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), request)
	require.NoError(t, err)
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(read)
}

var methods = []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPost}

func TestNoRequestIsSentTwice(t *testing.T) {
	broken := []*server{serve(t, "127.0.0.1:0", nil), serve(t, "127.0.0.1:0", nil), serve(t, "127.0.0.1:0", nil)}
	url, _ := nginx(t, map[string]string{
		"gateway-1": broken[0].address, "gateway-2": broken[1].address, "gateway-3": broken[2].address,
	})
	for i, method := range methods {
		status, answer := ask(t, url, method, "/payments/bolt11", "", nil)
		require.Equal(t, http.StatusBadGateway, status, method)
		require.Contains(t, answer, `"error":"bad_gateway"`)
		sent := broken[0].requests.Load() + broken[1].requests.Load() + broken[2].requests.Load()
		require.EqualValues(t, i+1, sent, "%s: each server broke off once it had read it", method)
	}
}

func TestServersThatAreRestartedCostNoRequest(t *testing.T) {
	addresses := []string{freeAddress(t), freeAddress(t)}
	url, _ := nginx(t, map[string]string{"gateway-1": addresses[0], "gateway-3": addresses[1]})
	var before net.Listener
	for i := range 6 { // sooner than one that refused is asked again, other than as backup
		alive := serve(t, addresses[i%2], ok)
		if before != nil {
			require.NoError(t, before.Close())
		}
		before = alive.listener
		for _, method := range methods {
			status, _ := ask(t, url, method, "/balance", "", nil)
			require.Equal(t, http.StatusOK, status, "the two others refuse the connection")
		}
		require.EqualValues(t, len(methods), alive.requests.Load())
	}
}

func TestRequestsReachTheirServerAsTheyWereSent(t *testing.T) {
	authz, gateway := serve(t, "127.0.0.1:0", ok), serve(t, "127.0.0.1:0", ok)
	url, _ := nginx(t, map[string]string{"authz-2": authz.address, "gateway-3": gateway.address})
	for target, to := range map[string]*server{
		"/oauth/token?code=a%2fb":                  authz,
		"/.well-known/jwks.json":                   authz,
		"/clients":                                 authz,
		"/clients/a":                               authz,
		"/clientsandmore":                          gateway,
		"/balance":                                 gateway,
		"/invoices/a%2Fb":                          gateway,
		"/invoices//b":                             gateway,
		"/invoices/%2e%2e/balance":                 gateway,
		"//oauth/token":                            gateway,
		"/invoices/./b;c?x=%zz&y=z":                gateway,
		"/balance?" + strings.Repeat("0", 12*1024): gateway,
		"/oauth/../balance":                        gateway,
		"/OAuth/token":                             gateway,
	} {
		before := to.requests.Load()
		status, _ := ask(t, url, http.MethodGet, target, "", http.Header{
			"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"},
			"X-Real-Ip": {"192.0.2.1"}, "Forwarded": {"for=192.0.2.1"}, "Authorization": {"Bearer token"},
		})
		require.Equal(t, http.StatusOK, status, target)
		require.Equal(t, before+1, to.requests.Load(), target)
		request := to.last.Load()
		require.Equal(t, target, request.RequestURI)
		require.Equal(t, "api.example", request.Host)
		require.Equal(t, http.Header{
			"Authorization": {"Bearer token"}, "Connection": {"close"}, "X-Forwarded-For": {"127.0.0.1"},
			"X-Forwarded-Host": {"api.example"}, "X-Forwarded-Proto": {"http"}, "X-Real-Ip": {"127.0.0.1"},
		}, request.Header, "what a caller says about itself is replaced")
	}
}

func TestABodyIsLimited(t *testing.T) {
	gateway := serve(t, "127.0.0.1:0", ok)
	url, _ := nginx(t, map[string]string{"gateway-1": gateway.address})
	const limit = 4 << 20
	status, _ := ask(t, url, http.MethodPost, "/invoices", strings.Repeat("b", limit), nil)
	require.Equal(t, http.StatusOK, status)

	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer connection.Close()
	_, err = io.WriteString(connection, "POST /invoices HTTP/1.1\r\nHost: a\r\nContent-Length: "+itoa(limit+1)+"\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	require.Equal(t, "application/json", response.Header.Get("Content-Type"))
	require.EqualValues(t, 1, gateway.requests.Load())
}

func TestAnAnswerArrivesWhileItIsWritten(t *testing.T) {
	read := make(chan struct{})
	gateway := serve(t, "127.0.0.1:0", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "data: 1\n")
		_ = http.NewResponseController(w).Flush()
		<-read
	})
	url, _ := nginx(t, map[string]string{"gateway-1": gateway.address})
	response, err := http.Get(url + "/invoices/stream")
	require.NoError(t, err)
	defer response.Body.Close()
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	close(read)
	require.NoError(t, err)
	require.Equal(t, "data: 1\n", line)
}

func TestAnUpstreamDoesNotSteerTheLoadBalancer(t *testing.T) {
	gateway := serve(t, "127.0.0.1:0", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Accel-Redirect", "/payments/bolt11")
	})
	url, _ := nginx(t, map[string]string{"gateway-1": gateway.address})
	status, _ := ask(t, url, http.MethodGet, "/balance", "", nil)
	require.Equal(t, http.StatusOK, status)
	require.EqualValues(t, 1, gateway.requests.Load())
}

func TestTheLogHoldsNoSecret(t *testing.T) {
	authz, gateway := serve(t, "127.0.0.1:0", nil), serve(t, "127.0.0.1:0", nil)
	url, log := nginx(t, map[string]string{"authz-1": authz.address, "gateway-1": gateway.address})
	header := http.Header{"Authorization": {"Bearer sesame"}, "Referer": {"https://app.example/?code=sesame"}}
	for _, target := range []string{"/oauth/token?client_secret=sesame", "/balance"} {
		status, _ := ask(t, url, http.MethodPost, target, "code=sesame", header)
		require.Equal(t, http.StatusBadGateway, status)
	}
	require.Eventually(t, func() bool { return strings.Count(readFile(t, log), `"status":502`) == 2 }, patience, 10*time.Millisecond)
	require.Contains(t, readFile(t, log), `"path":"/oauth/token"`)
	require.NotContains(t, readFile(t, log), "sesame")
}
