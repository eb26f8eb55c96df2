package app_test

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/cmd/mock_server/lndhub"
)

// startLndhub serves ann and bob, whose passwords are "right", and says which callers it was told of.
func startLndhub(t *testing.T, serve func(http.Handler) *httptest.Server) (server *httptest.Server, callers func() []string) {
	t.Helper()
	hub := lndhub.New(lndhub.Config{JWTSecret: []byte(hostSecret)})
	for _, u := range []lndhub.User{{ID: 1, Login: "ann"}, {ID: 2, Login: "bob"}} {
		u.Password = "right"
		_, ok := hub.AddUser(u)
		require.True(t, ok)
	}
	var mu sync.Mutex
	var told []string
	server = serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		told = append(told, strings.Join(r.Header.Values("X-Forwarded-For"), "|"))
		mu.Unlock()
		hub.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return told
	}
}

// signIn allows the application for whoever the login is of; forwarded is X-Forwarded-For.
func (r *running) signIn(a application, login, password, forwarded string) answer {
	r.t.Helper()
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if forwarded != "" {
		header.Set("X-Forwarded-For", forwarded)
	}
	return r.do(http.MethodPost, r.public+"/oauth/authorize", strings.NewReader(url.Values{
		"client_id": {a.id}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {"balance:read"},
		"login": {login}, "password": {password},
	}.Encode()), header)
}

func TestLndhubLearnsWhereASignInComesFrom(t *testing.T) {
	for name, test := range map[string]struct {
		trusted         []string
		forwarded, told string
	}{
		"nobody is trusted":            {nil, "192.0.2.7", "127.0.0.1"},
		"the proxy is":                 {[]string{"127.0.0.1"}, "192.0.2.7", "192.0.2.7"},
		"what the caller says is not":  {[]string{"127.0.0.1"}, "198.51.100.1, 192.0.2.7", "192.0.2.7"},
		"a chain of two":               {[]string{"127.0.0.1", "10.0.0.0/8"}, "198.51.100.1, 192.0.2.7, 10.1.1.1", "192.0.2.7"},
		"the proxy says nothing":       {[]string{"127.0.0.1"}, "", "127.0.0.1"},
		"an address of IPv6":           {[]string{"127.0.0.1"}, "2001:db8::7", "2001:db8::7"},
		"something that is no address": {[]string{"127.0.0.1"}, "unknown", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			server, callers := startLndhub(t, httptest.NewServer)
			cfg := testConfig(echoUpstream(t))
			cfg.LNDHubURL, cfg.TrustedProxies = server.URL, test.trusted
			r := start(t, cfg)
			a := r.signIn(r.register(), "ann", "right", test.forwarded)
			require.Equal(t, http.StatusFound, a.status, a.body)
			require.Equal(t, []string{test.told}, callers())
		})
	}
}

func TestWhoGuessesIsBrakedByAddress(t *testing.T) {
	server, callers := startLndhub(t, httptest.NewServer)
	cfg := testConfig(echoUpstream(t))
	cfg.LNDHubURL, cfg.TrustedProxies = server.URL, []string{"127.0.0.1"}
	r := start(t, cfg)
	app := r.register()
	braked, wrong := false, 0
	for !braked && wrong < 20 { // four, unless the machine is so slow that pauses are over before the next try
		if braked = r.signIn(app, "ann", "wrong", "192.0.2.7").status == http.StatusTooManyRequests; !braked {
			wrong++
		}
	}
	require.True(t, braked)
	require.Len(t, callers(), wrong, "lndhub.go was not asked about the last")
	require.Equal(t, http.StatusFound, r.signIn(app, "ann", "right", "192.0.2.8").status)
	require.Equal(t, http.StatusFound, r.signIn(app, "bob", "right", "192.0.2.7").status)

	metrics := r.do(http.MethodGet, r.admin+"/metrics", nil, nil).body
	for _, line := range []string{
		`gatehouse_sign_ins_total{outcome="good"} 2`, fmt.Sprintf(`gatehouse_sign_ins_total{outcome="wrong"} %d`, wrong), `gatehouse_sign_ins_total{outcome="braked"} 1`,
		`gatehouse_sign_ins_total{outcome="suspended"} 0`, `gatehouse_sign_ins_total{outcome="unavailable"} 0`,
	} {
		require.Contains(t, metrics, line)
	}
}

func TestTheUpstreamsAuthorityHoldsForLndhubToo(t *testing.T) {
	server, _ := startLndhub(t, httptest.NewTLSServer)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	cfg := testConfig(echoUpstream(t))
	cfg.LNDHubURL = server.URL
	for caFile, status := range map[string]int{file: http.StatusFound, "": http.StatusServiceUnavailable} {
		cfg.Upstream.CAFile = caFile
		r := start(t, cfg)
		require.Equal(t, status, r.signIn(r.register(), "ann", "right", "").status)
		r.stop()
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, bad := range []string{empty, file + ".missing"} {
		cfg.Upstream.CAFile = bad
		require.ErrorContains(t, cfg.Validate(config.Both), "upstream.ca_file: ")
		require.ErrorContains(t, cfg.Validate(config.AuthzOnly), bad)
	}
}
