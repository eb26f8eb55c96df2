package cluster_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// soakUpstream serves well and badly, and marks everything with the user it is for.
type soakUpstream struct{ *httptest.Server }

func newSoakUpstream(t *testing.T) soakUpstream {
	t.Helper()
	mux := http.NewServeMux()
	for path, serve := range map[string]func(w http.ResponseWriter, r *http.Request, user string){
		"/soak/balance": func(w http.ResponseWriter, _ *http.Request, user string) { _, _ = io.WriteString(w, mark(user)) },
		"/soak/upload":  serveUpload, "/soak/download": serveDownload, "/soak/events": serveEvents, "/soak/chat": serveChat,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-User", r.Header.Get("X-Gatehouse-Subject"))
			serve(w, r, r.Header.Get("X-Gatehouse-Subject"))
		})
	}
	for how, misbehave := range misbehaviours {
		mux.HandleFunc("/soak/bad/"+how, func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
			misbehave(conn, r.Header.Get("X-Gatehouse-Subject"))
		})
	}
	u := soakUpstream{httptest.NewServer(mux)}
	t.Cleanup(u.Close)
	return u
}

// routes are those of the configuration.
func (u soakUpstream) routes() string {
	var routes strings.Builder
	for _, path := range []string{"balance", "upload", "download", "events", "bad/{how}"} {
		fmt.Fprintf(&routes, "  - {path: \"/soak/%s\", methods: [GET, POST], origin: %q, scope: \"balance:read\", description: Soak., "+
			"credential: headers, first_byte_timeout: 3s, idle_timeout: 3s}\n", path, u.URL)
	}
	fmt.Fprintf(&routes, "  - {path: /soak/chat, methods: [GET], origin: %q, scope: \"balance:read\", description: Soak., "+
		"credential: headers, websocket: true}\n", u.URL)
	return routes.String()
}

func mark(user string) string { return "for user " + user + "\n" }

func serveUpload(w http.ResponseWriter, r *http.Request, user string) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r.Body); err == nil {
		_, _ = fmt.Fprintf(w, "%s%x", mark(user), sum.Sum(nil))
	}
}

func serveDownload(w http.ResponseWriter, r *http.Request, user string) {
	lines, _ := strconv.Atoi(r.URL.Query().Get("lines"))
	for range lines {
		if _, err := io.WriteString(w, mark(user)); err != nil {
			return
		}
	}
}

func serveEvents(w http.ResponseWriter, r *http.Request, user string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for range soakEvents {
		_, _ = io.WriteString(w, "data: "+mark(user)+"\n")
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

const soakEvents = 20

// serveChat answers each message with the user and the message.
func serveChat(w http.ResponseWriter, r *http.Request, user string) {
	socket, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = socket.CloseNow() }()
	for {
		kind, message, err := socket.Read(r.Context())
		if err != nil || socket.Write(r.Context(), kind, append([]byte(mark(user)), message...)) != nil {
			return
		}
	}
}

// misbehaviours are what an upstream may do instead of answering.
var misbehaviours = map[string]func(conn net.Conn, user string){
	"cut":     answerThen("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n%s"),
	"chunked": answerThen("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n%s"),
	"garbage": answerThen("%s is no answer\r\n\r\n"),
	"nothing": answerThen(""),
	"reset": func(conn net.Conn, _ string) {
		_ = conn.(*net.TCPConn).SetLinger(0)
	},
	"later-reset": func(conn net.Conn, user string) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"+mark(user))
		_ = conn.(*net.TCPConn).SetLinger(0)
	},
	"silent": func(conn net.Conn, _ string) {
		_, _ = conn.Read(make([]byte, 1)) // until the gateway gives up
	},
	"endless": func(conn net.Conn, user string) {
		_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		for err == nil {
			_, err = io.WriteString(conn, mark(user))
		}
	},
	"twice": func(conn net.Conn, user string) {
		answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nX-User: %s\r\nContent-Length: %d\r\n\r\n%s", user, len(mark(user)), mark(user))
		_, _ = io.WriteString(conn, answer+answer)
		_, _ = conn.Read(make([]byte, 1))
	},
}

func answerThen(format string) func(net.Conn, string) {
	return func(conn net.Conn, user string) {
		_, _ = io.WriteString(conn, strings.ReplaceAll(format, "%s", mark(user)))
	}
}
