package app_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/keys"
)

// keyPair is a certificate for 127.0.0.1 that is its own authority, as PEM.
type keyPair struct{ cert, key []byte }

func newKeyPair(t *testing.T, serial int64) keyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "gatehouse"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return keyPair{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

func (k keyPair) write(t *testing.T, files config.TLS) {
	t.Helper()
	require.NoError(t, os.WriteFile(files.CertFile, k.cert, 0o600))
	require.NoError(t, os.WriteFile(files.KeyFile, k.key, 0o600))
}

// trusted is the configuration of a client that knows the certificate.
func (k keyPair) trusted() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(k.cert)
	return &tls.Config{RootCAs: pool}
}

func secured(t *testing.T, cfg config.Config) (config.Config, keyPair) {
	t.Helper()
	dir := t.TempDir()
	cfg.TLS = config.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	pair := newKeyPair(t, 1)
	pair.write(t, cfg.TLS)
	return cfg, pair
}

func (r *running) dialTLS(cfg *tls.Config) (*tls.Conn, error) {
	dialer := &net.Dialer{Timeout: startTimeout}
	return tls.DialWithDialer(dialer, "tcp", r.app.Addr().String(), cfg)
}

func TestRequestsComeUnderTLS(t *testing.T) {
	cfg, pair := secured(t, testConfig(echoUpstream(t)))
	cfg.Routes[0].Public = true
	r := start(t, cfg)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: pair.trusted(), ForceAttemptHTTP2: true}}
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
			client := pair.trusted()
			test.change(client)
			conn, err := r.dialTLS(client)
			if test.refusal != "" {
				require.ErrorContains(t, err, test.refusal)
				return
			}
			require.NoError(t, err)
			require.NoError(t, conn.Close())
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
		conn, err := net.Dial("tcp", r.app.Addr().String())
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(startTimeout)))
		written := make(chan struct{})
		go func() {
			defer close(written)
			write(conn, forgedHead+"Content-Length: 3000000\r\n\r\n"+strings.Repeat("a", 3_000_000), 64<<10)
		}()
		reader := bufio.NewReader(conn)
		status, err := readAnswer(reader, http.MethodPost)
		require.NoError(t, err)
		require.Equal(t, http.StatusBadRequest, status)
		_, err = reader.ReadByte()
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, conn.Close())
		<-written
	}
}

// TestNothingButTLSIsServedOnATLSPort is about what follows where a handshake has failed: it is no request either.
func TestNothingButTLSIsServedOnATLSPort(t *testing.T) {
	cfg, _ := secured(t, testConfig(echoUpstream(t)))
	r, book := startLogged(t, cfg)
	const request = "GET /oauth/scopes HTTP/1.1\r\nHost: h\r\n\r\n"
	const record = "\x17\x03\x03\x00\x01\x00" // of TLS, and not one that begins a handshake
	for sent, want := range map[string]string{
		request:                          "400",
		"HELLO" + request:                "400", // as long as the header of a record: what follows it begins a request
		"\x00\x00\x00\x00\x00" + request: "",
		record + request:                 "",
	} {
		conn, err := net.Dial("tcp", r.app.Addr().String())
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(startTimeout)))
		_, err = io.WriteString(conn, sent+request)
		require.NoError(t, err)
		require.Equal(t, want, spell(readAnswers(conn)), "%q", sent)
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool { return r.connections() == 0 }, startTimeout, time.Millisecond)
	require.Empty(t, book.requests(t))
}

// TestAProbeIsNoFailedHandshake opens connections as load balancers do that only look whether there is a port.
func TestAProbeIsNoFailedHandshake(t *testing.T) {
	cfg, pair := secured(t, testConfig(echoUpstream(t)))
	r := start(t, cfg)
	for range 10 {
		conn, err := net.Dial("tcp", r.app.Addr().String())
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	last, err := r.dialTLS(pair.trusted()) // which is accepted after them
	require.NoError(t, err)
	defer func() { _ = last.Close() }()
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
			_, lasted, err := trickle(r.app.Addr().String(), hello[:i%2*len(hello)], strings.Repeat("\x00", 400*(i%2)))
			if err != nil {
				lasted = startTimeout
			}
			ends <- lasted
		}()
	}
	conn, err := r.dialTLS(pair.trusted())
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /oauth/scopes HTTP/1.1\r\nHost: h\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, conn.Close())
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
		conn, err := r.dialTLS(&tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	before, err := r.dialTLS(first.trusted())
	require.NoError(t, err)
	defer func() { _ = before.Close() }()
	require.EqualValues(t, 1, serial())

	require.NoError(t, os.WriteFile(cfg.TLS.CertFile, []byte("not a certificate"), 0o600))
	const warning = "the TLS certificate cannot be read again; the one before stays in use"
	require.Eventually(t, func() bool { return len(book.lines(t, warning)) > 0 }, startTimeout, 10*time.Millisecond)
	require.EqualValues(t, 1, serial())

	newKeyPair(t, 2).write(t, cfg.TLS)
	require.Eventually(t, func() bool { return serial() == 2 }, startTimeout, 10*time.Millisecond)
	require.NoError(t, os.Remove(cfg.TLS.KeyFile))
	warned := len(book.lines(t, warning))
	require.Eventually(t, func() bool { return len(book.lines(t, warning)) > warned }, startTimeout, 10*time.Millisecond)
	require.EqualValues(t, 2, serial())

	_, err = io.WriteString(before, "GET /oauth/scopes HTTP/1.1\r\nHost: h\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(before), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "connections that were open stay")
}

func TestConnectionsUnderTLSDoNotKeepTheProcess(t *testing.T) {
	cfg, pair := secured(t, testConfig(echoUpstream(t)))
	cfg.Shutdown.Timeout = 5 * time.Second // less than any of them may take
	r := start(t, cfg)
	unshaken, err := net.Dial("tcp", r.app.Addr().String())
	require.NoError(t, err)
	defer unshaken.Close()
	silent, err := r.dialTLS(pair.trusted())
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	idle, err := r.dialTLS(pair.trusted())
	require.NoError(t, err)
	defer func() { _ = idle.Close() }()
	_, err = io.WriteString(idle, "GET /oauth/scopes HTTP/1.1\r\nHost: h\r\n\r\n")
	require.NoError(t, err)
	_, err = http.ReadResponse(bufio.NewReader(idle), nil)
	require.NoError(t, err)
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
		conn, err := r.dialTLS(pair.trusted())
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(startTimeout)))
		go write(conn, strings.ReplaceAll(c.sent, "TOKEN", token), 7)
		require.Equal(t, c.answers, spell(readAnswers(conn)), c.name)
		_ = conn.Close() // the other side has
	}
}
