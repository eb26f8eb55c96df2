package app_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

// rawUpstream is an upstream that reads its connections as strictly as net/http does, takes whatever comes for a request, and
// keeps account by the parameter "case".
type rawUpstream struct {
	*gatewaytest.Upstream

	mu      sync.Mutex
	whole   map[string][]recorded
	cut     map[string]int // requests that were not sent to their end
	strange []string       // what is no request at all
}

type recorded struct {
	method, target, body string
	header, trailer      http.Header
}

func startRawUpstream(t *testing.T) *rawUpstream {
	t.Helper()
	u := &rawUpstream{whole: make(map[string][]recorded), cut: make(map[string]int)}
	u.Upstream = gatewaytest.NewUpstream(t, func(l *gatewaytest.Conn) {
		for u.account(l.ReadParsed()) {
			l.Say(gatewaytest.OK)
		}
	})
	return u
}

// account reports whether a request has come that is to be answered.
func (u *rawUpstream) account(request *http.Request, body string, err error) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case request == nil && !errors.Is(err, io.EOF):
		u.strange = append(u.strange, err.Error())
	case request != nil && err != nil:
		u.cut[request.URL.Query().Get("case")]++
	case request != nil:
		name := request.URL.Query().Get("case")
		u.whole[name] = append(u.whole[name], recorded{request.Method, request.RequestURI, body, request.Header, request.Trailer})
	}
	return err == nil
}

// of returns what has come of a case.
func (u *rawUpstream) of(name string) (whole []recorded, cut int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.whole[name], u.cut[name]
}

// requireNothingElse fails if anything has come that belongs to no case.
func (u *rawUpstream) requireNothingElse(t *testing.T) {
	t.Helper()
	whole, cut := u.of("")
	require.Empty(t, whole)
	require.Zero(t, cut)
	u.mu.Lock()
	defer u.mu.Unlock()
	require.Empty(t, u.strange)
}

// oracle is net/http's server: what it refuses, Gatehouse refuses. It grants what Gatehouse would grant.
type oracle struct {
	address string
	token   string

	mu      sync.Mutex
	granted map[string][]recorded
}

func startOracle(t *testing.T, token string) *oracle {
	t.Helper()
	o := &oracle{token: token, granted: make(map[string][]recorded)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: o, ReadTimeout: rawPatience, IdleTimeout: rawIdle}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	o.address = listener.Addr().String()
	return o
}

func (o *oracle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	isRoute := r.Method+" "+r.URL.Path == "GET /balance" || r.Method+" "+r.URL.Path == "POST /payments/bolt11"
	if !isRoute || r.Header.Get("Authorization") != "Bearer "+o.token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	name := r.URL.Query().Get("case")
	o.mu.Lock()
	defer o.mu.Unlock()
	o.granted[name] = append(o.granted[name], recorded{r.Method, r.RequestURI, string(body), r.Header, r.Trailer})
}

func (o *oracle) of(name string) []recorded {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.granted[name]
}
