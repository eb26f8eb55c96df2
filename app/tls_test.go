package app_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/keys"
)

func secured(t *testing.T, cfg config.Config) (config.Config, gatewaytest.Certificate) {
	t.Helper()
	dir := t.TempDir()
	cfg.TLS = config.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	pair := gatewaytest.NewCertificate(t, 1, "127.0.0.1")
	pair.Write(t, cfg.TLS.CertFile, cfg.TLS.KeyFile)
	return cfg, pair
}

func (r *running) dialTLS(cfg *tls.Config) *gatewaytest.Caller {
	r.t.Helper()
	return gatewaytest.DialTLS(r.t, r.app.Addr().String(), cfg)
}

func TestRequestsComeUnderTLS(t *testing.T) {
	cfg, pair := secured(t, testConfig(echoUpstream(t)))
	cfg.Routes[0].Public = true
	r := start(t, cfg)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: pair.Trusted(), ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	for range 2 {
		response, err := client.Get("https://" + r.app.Addr().String() + "/balance")
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Equal(t, "http/1.1", response.TLS.NegotiatedProtocol)
		require.GreaterOrEqual(t, response.TLS.Version, uint16(tls.VersionTLS12))
		require.Contains(t, string(body), `"X-Forwarded-Proto":["https"]`)
	}
	require.InDelta(t, time.Hour.Seconds(), r.scrape()["gatehouse_tls_certificate_seconds_left"], 60)
}

func TestWhatIsAgreedUpon(t *testing.T) {
	cfg, pair := secured(t, testConfig(echoUpstream(t)))
	r := start(t, cfg)
	for name, test := range map[string]struct {
		change  func(*tls.Config)
		refusal string // the alert; empty where they agree
	}{
		"the usual":              {func(*tls.Config) {}, ""},
		"TLS 1.2":                {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, ""},
		"TLS 1.1":                {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, "protocol version"},
		"no protocol":            {func(c *tls.Config) { c.NextProtos = nil }, ""},
		"HTTP/1.1 beside HTTP/2": {func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }, ""},
		"HTTP/2 alone":           {func(c *tls.Config) { c.NextProtos = []string{"h2"} }, "no application protocol"},
		"CBC": {func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, "handshake failure"},
	} {
		t.Run(name, func(t *testing.T) {
			client := pair.Trusted()
			test.change(client)
			c, err := gatewaytest.TryDialTLS(t, r.app.Addr().String(), client)
			if test.refusal != "" {
				require.ErrorContains(t, err, test.refusal)
				return
			}
			require.NoError(t, err)
			c.Close()
		})
	}
	require.Eventually(t, func() bool { return r.scrape()["gatehouse_tls_handshakes_failed_total"] == 3 }, startTimeout, time.Millisecond)
}

func TestPlainHTTPOnATLSPortIsTold(t *testing.T) {
	cfg, _ := secured(t, testConfig(echoUpstream(t)))
	r, book := startLogged(t, cfg)
	a := r.do(http.MethodGet, r.public+"/balance", nil, nil)
	require.Equal(t, http.StatusBadRequest, a.status)
	require.Equal(t, "This port is TLS.", a.json(t)["error_description"])
	require.Empty(t, book.requests(t), "it is no request")
	for range 10 { // also who is still sending, and could lose the answer with a reset
		r.isToldWhileItSends(http.StatusBadRequest)
	}
}

// TestNothingButTLSIsServedOnATLSPort is about what follows where a handshake has failed: it is no request either.
func TestNothingButTLSIsServedOnATLSPort(t *testing.T) {
	cfg, _ := secured(t, testConfig(echoUpstream(t)))
	r, book := startLogged(t, cfg)
	const record = "\x17\x03\x03\x00\x01\x00" // of TLS, and not one that begins a handshake
	for sent, want := range map[string]string{
		scopes:                          "400",
		"HELLO" + scopes:                "400", // as long as the header of a record: what follows it begins a request
		"\x00\x00\x00\x00\x00" + scopes: "",
		record + scopes:                 "",
	} {
		c := r.dial()
		c.Send(sent + scopes)
		require.Equal(t, want, spell(c.Statuses()), "%q", sent)
		c.Close()
	}
	require.Eventually(t, func() bool { return r.connections() == 0 }, startTimeout, time.Millisecond)
	require.Empty(t, book.requests(t))
}

// TestAProbeIsNoFailedHandshake opens connections as load balancers do that only look whether there is a port.
func TestAProbeIsNoFailedHandshake(t *testing.T) {
	cfg, pair := secured(t, testConfig(echoUpstream(t)))
	r := start(t, cfg)
	for range 10 {
		r.dial().Close()
	}
	r.dialTLS(pair.Trusted()) // which is accepted after them
	require.Eventually(t, func() bool { return r.connections() == 1 }, startTimeout, time.Millisecond)
	require.Zero(t, r.scrape()["gatehouse_tls_handshakes_failed_total"])
}

// TestAHandshakeHoldsNobodyUp opens connections on which a handshake never ends.
func TestAHandshakeHoldsNobodyUp(t *testing.T) {
	cfg, pair := secured(t, slowConfig(echoUpstream(t)))
	r := start(t, cfg)
	hello := "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
	ends := make(chan time.Duration)
	const callers = 50
	for i := range callers {
		go func() {
			_, lasted, err := trickle(t, r.app.Addr().String(), hello[:i%2*len(hello)], strings.Repeat("\x00", 400*(i%2)))
			if err != nil {
				lasted = startTimeout
			}
			ends <- lasted
		}()
	}
	c := r.dialTLS(pair.Trusted())
	require.Equal(t, http.StatusOK, c.Do(scopes).StatusCode)
	c.Close()
	for range callers {
		lasted := <-ends
		require.GreaterOrEqual(t, lasted, headerTimeout)
		require.Less(t, lasted, startTimeout)
	}
	require.Eventually(t, func() bool { return r.connections() == 0 }, startTimeout, 10*time.Millisecond)
}

func TestTheCertificateIsReadAgain(t *testing.T) {
	cfg, first := secured(t, testConfig(echoUpstream(t)))
	r, book := startLogged(t, cfg)
	serial := func() int64 {
		c := r.dialTLS(&tls.Config{InsecureSkipVerify: true})
		defer c.Close()
		return c.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	before := r.dialTLS(first.Trusted())
	require.EqualValues(t, 1, serial())

	require.NoError(t, os.WriteFile(cfg.TLS.CertFile, []byte("not a certificate"), 0o600))
	const warning = "the TLS certificate cannot be read again; the one before stays in use"
	require.Eventually(t, func() bool { return len(book.lines(t, warning)) > 0 }, startTimeout, 10*time.Millisecond)
	require.EqualValues(t, 1, serial())

	gatewaytest.NewCertificate(t, 2, "127.0.0.1").Write(t, cfg.TLS.CertFile, cfg.TLS.KeyFile)
	require.Eventually(t, func() bool { return serial() == 2 }, startTimeout, 10*time.Millisecond)
	require.NoError(t, os.Remove(cfg.TLS.KeyFile))
	warned := len(book.lines(t, warning))
	require.Eventually(t, func() bool { return len(book.lines(t, warning)) > warned }, startTimeout, 10*time.Millisecond)
	require.EqualValues(t, 2, serial())

	require.Equal(t, http.StatusOK, before.Do(scopes).StatusCode, "connections that were open stay")
}

func TestConnectionsUnderTLSDoNotKeepTheProcess(t *testing.T) {
	cfg, pair := secured(t, testConfig(echoUpstream(t)))
	cfg.Shutdown.Timeout = 5 * time.Second // less than any of them may take
	r := start(t, cfg)
	r.dial() // and shakes no hand
	r.dialTLS(pair.Trusted())
	r.dialTLS(pair.Trusted()).Do(scopes)
	require.NoError(t, await(t, r.stopping(t.Context())))
}

// TestRawRequestsUnderTLS is about what the layer between changes: where reads begin and end.
func TestRawRequestsUnderTLS(t *testing.T) {
	cfg, pair := secured(t, rawConfig(echoUpstream(t)))
	r := start(t, cfg)
	now := time.Now()
	token, err := r.signingKey().Sign(keys.TypeAccessToken, map[string]any{
		"iss": cfg.Issuer, "aud": []string{cfg.Issuer}, "sub": "7", "client_id": "c", "grant_id": "g", "jti": "j",
		"scope": "balance:read payments:send", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	require.NoError(t, err)
	for _, c := range rawPipelines() {
		conn := r.dialTLS(pair.Trusted())
		go conn.SendPieces(strings.ReplaceAll(c.sent, "TOKEN", token), 7)
		require.Equal(t, c.answers, spell(conn.Statuses()), c.name)
		conn.Close() // the other side has
	}
}
