package deploy_test

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const patience = 30 * time.Second

// server stands behind the load balancer and counts the requests that reached it. Nothing listens at its address when it
// has no answer to give.
type server struct {
	address  string
	admin    string
	unready  atomic.Bool
	requests atomic.Int64
	last     atomic.Pointer[http.Request]
}

func newServer(t *testing.T, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{address: freeAddress(t)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.unready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s.admin = listen(t, "127.0.0.1:0", mux)
	if answer != nil {
		listen(t, s.address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			s.requests.Add(1)
			s.last.Store(r)
			answer(w, r)
		}))
	}
	return s
}

func listen(t *testing.T, address string, handler http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	running := &http.Server{Handler: handler}
	go func() { _ = running.Serve(listener) }()
	t.Cleanup(func() { _ = running.Close() })
	return listener.Addr().String()
}

// breakOff ends the connection once the request was read.
func breakOff(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// givenOut are the addresses of freeAddress: a server that has not started yet, or is away, keeps its own.
var givenOut sync.Map

// freeAddress is an address on loopback that nobody listens on and nobody else was given. Its port is below those that the
// system gives to clients, so that none of them takes it before the server that it is for has started.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(12_000)))
		if _, isTaken := givenOut.LoadOrStore(address, true); isTaken {
			continue
		}
		if listener, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, listener.Close())
			return address
		}
	}
}

// balance runs haproxy.cfg in front of these servers, the others being down, and returns the URL of the load balancer and
// its log.
func balance(t *testing.T, servers map[string]*server) (url, log string) {
	t.Helper()
	binary, err := exec.LookPath("haproxy")
	if err != nil {
		binary = "/usr/sbin/haproxy" // which Debian keeps off the path of users
	}
	if _, err := os.Stat(binary); err != nil {
		t.Skip("needs haproxy, which make test installs")
	}
	front := freeAddress(t)
	replaced := []string{"bind :8080", "bind " + front, "bind 127.0.0.1:8079", "bind " + freeAddress(t), "check port 8082", "check"}
	for _, name := range []string{"authz-1", "authz-2", "gateway-1", "gateway-2", "gateway-3"} {
		to := servers[name]
		if to == nil {
			to = &server{address: freeAddress(t), admin: freeAddress(t)}
		}
		_, port, err := net.SplitHostPort(to.admin)
		require.NoError(t, err)
		replaced = append(replaced, " "+name+":8081", " "+to.address+" port "+port)
	}
	config := writeFile(t, "haproxy.cfg", strings.NewReplacer(replaced...).Replace(readFile(t, "haproxy.cfg")))

	log = filepath.Join(t.TempDir(), "log")
	output, err := os.Create(log)
	require.NoError(t, err)
	t.Cleanup(func() { _ = output.Close() })
	command := exec.Command(binary, "-db", "-f", config)
	command.Stdout, command.Stderr = output, output
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
			require.Fail(t, "haproxy ended", readFile(t, log))
		default:
		}
		connection, err := net.Dial("tcp", front)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	}, patience, 10*time.Millisecond)
	return "http://" + front, log
}

// ask sends one request on a connection of its own, with the target as it is written, and returns the answer.
func ask(t *testing.T, url, method, target, body string, header http.Header) (status int, answer string) {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer connection.Close()
	require.NoError(t, connection.SetDeadline(time.Now().Add(patience)))
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
	broken := []*server{newServer(t, breakOff), newServer(t, breakOff), newServer(t, breakOff)}
	url, _ := balance(t, map[string]*server{"gateway-1": broken[0], "gateway-2": broken[1], "gateway-3": broken[2]})
	for i, method := range methods {
		status, answer := ask(t, url, method, "/payments/bolt11", "", nil)
		require.Equal(t, http.StatusBadGateway, status, method)
		require.Contains(t, answer, `"error":"bad_gateway"`)
		sent := broken[0].requests.Load() + broken[1].requests.Load() + broken[2].requests.Load()
		require.EqualValues(t, i+1, sent, "%s: each server broke off once it had read it", method)
	}
}

func TestAServerThatRefusesConnectionsCostsNoRequest(t *testing.T) {
	alive, other := newServer(t, ok), newServer(t, ok)
	refuses := newServer(t, nil) // and says that it is ready, so that it is asked again and again
	url, _ := balance(t, map[string]*server{"gateway-1": alive, "gateway-2": refuses, "gateway-3": other})
	const rounds = 25
	for range rounds {
		for _, method := range methods {
			status, _ := ask(t, url, method, "/balance", "", nil)
			require.Equal(t, http.StatusOK, status, method)
		}
	}
	require.EqualValues(t, rounds*len(methods), alive.requests.Load()+other.requests.Load())
}

func TestAServerThatIsNotReadyIsLeftAlone(t *testing.T) {
	one, other := newServer(t, ok), newServer(t, ok)
	url, _ := balance(t, map[string]*server{"gateway-1": one, "gateway-2": other})
	// served tells whether a server gets any of ten requests, none of which fails.
	served := func(s *server) bool {
		before := s.requests.Load()
		for range 10 {
			status, _ := ask(t, url, http.MethodGet, "/balance", "", nil)
			require.Equal(t, http.StatusOK, status)
		}
		return s.requests.Load() > before
	}
	require.True(t, served(one))
	one.unready.Store(true)
	require.Eventually(t, func() bool { return !served(one) }, patience, 10*time.Millisecond)
	one.unready.Store(false)
	require.Eventually(t, func() bool { return served(one) }, patience, 10*time.Millisecond)
	other.unready.Store(true)
	require.Eventually(t, func() bool { return !served(other) }, patience, 10*time.Millisecond)
	one.unready.Store(true)
	require.Eventually(t, func() bool {
		status, answer := ask(t, url, http.MethodGet, "/balance", "", nil)
		return status == http.StatusServiceUnavailable && strings.Contains(answer, "temporarily_unavailable")
	}, patience, 10*time.Millisecond)
}

func TestRequestsReachTheirServerAsTheyWereSent(t *testing.T) {
	authz, gateway := newServer(t, ok), newServer(t, ok)
	url, _ := balance(t, map[string]*server{"authz-2": authz, "gateway-3": gateway})
	for target, to := range map[string]*server{
		"/oauth/token?code=a%2fb":    authz,
		"/.well-known/jwks.json":     authz,
		"/clients":                   authz,
		"/clients/a":                 authz,
		"/clientsandmore":            gateway,
		"/account":                   authz,
		"/account/sign-in?request=a": authz,
		"/accounts":                  gateway,
		"/balance":                   gateway,
		"/invoices/a%2Fb":            gateway,
		"/invoices//b":               gateway,
		"/invoices/%2e%2e/balance":   gateway,
		"//oauth/token":              gateway,
		"/invoices/./b;c?x=%zz&y=z":  gateway,
		"/balance?" + strings.Repeat("0", 12*1024): gateway,
		"/oauth/../balance":                        authz,
		"/OAuth/token":                             gateway,
	} {
		before := to.requests.Load()
		status, _ := ask(t, url, http.MethodGet, target, "", http.Header{
			"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"},
			"X-Real-Ip": {"192.0.2.1"}, "Forwarded": {"for=192.0.2.1"}, "Authorization": {"Bearer token"},
		})
		require.Equal(t, http.StatusOK, status, "%.40s", target)
		require.Equal(t, before+1, to.requests.Load(), "%.40s", target)
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
	gateway := newServer(t, ok)
	url, _ := balance(t, map[string]*server{"gateway-1": gateway})
	const limit = 4 << 20
	status, _ := ask(t, url, http.MethodPost, "/invoices", strings.Repeat("b", limit), nil)
	require.Equal(t, http.StatusOK, status)

	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer connection.Close()
	require.NoError(t, connection.SetDeadline(time.Now().Add(patience)))
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
	gateway := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "data: 1\n")
		_ = http.NewResponseController(w).Flush()
		<-read
	})
	url, _ := balance(t, map[string]*server{"gateway-1": gateway})
	response, err := http.Get(url + "/invoices/stream")
	require.NoError(t, err)
	defer response.Body.Close()
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	close(read)
	require.NoError(t, err)
	require.Equal(t, "data: 1\n", line)
}

func TestTheLogHoldsNoSecret(t *testing.T) {
	authz, gateway := newServer(t, breakOff), newServer(t, breakOff)
	url, log := balance(t, map[string]*server{"authz-1": authz, "gateway-1": gateway})
	header := http.Header{"Authorization": {"Bearer sesame"}, "Referer": {"https://app.example/?code=sesame"}}
	for target, line := range map[string]string{
		"/oauth/token?client_secret=sesame": `"path":"\/oauth\/token","status":502`, "/balance": `"path":"\/balance","status":502`,
	} {
		require.Eventually(t, func() bool { // a thread of HAProxy that finds the log in use drops its line
			status, _ := ask(t, url, http.MethodPost, target, "code=sesame", header)
			require.Equal(t, http.StatusBadGateway, status)
			return strings.Contains(readFile(t, log), line)
		}, patience, 100*time.Millisecond)
	}
	require.NotContains(t, readFile(t, log), "sesame")
}
