package gateway_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// selfSigned makes a certificate for the name, and a file with it.
func selfSigned(t *testing.T, name string) (certificate tls.Certificate, caFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, caFile
}

// corked holds back what is written, so that several TLS records leave in one segment, or half of one.
type corked struct {
	net.Conn
	held *bytes.Buffer // nil: nothing is held back
}

func (c *corked) Write(p []byte) (int, error) {
	if c.held != nil {
		return c.held.Write(p)
	}
	return c.Conn.Write(p)
}

// uncork sends what was held back but for the last keep bytes, which are never sent.
func (c *corked) uncork(keep int) {
	held := c.held.Bytes()
	c.held = nil
	_, _ = c.Conn.Write(held[:len(held)-keep])
}

// secureUpstream serves TLS; cork is the socket below.
func secureUpstream(t *testing.T, version uint16, serve func(l *link, cork *corked)) (*fakeUpstream, func(*gateway.Config), string) {
	u, trust, url, _ := secureUpstreamWithFile(t, version, serve)
	return u, trust, url
}

func secureUpstreamWithFile(t *testing.T, version uint16, serve func(l *link, cork *corked)) (
	u *fakeUpstream, trust func(*gateway.Config), url, caFile string,
) {
	certificate, caFile := selfSigned(t, "localhost")
	u = newUpstream(t, func(l *link) {
		cork := &corked{Conn: l.Conn}
		secured := tls.Server(cork, &tls.Config{Certificates: []tls.Certificate{certificate}, MaxVersion: version})
		l.Conn, l.reader = secured, bufio.NewReader(secured)
		serve(l, cork)
		_ = secured.Close()
	})
	_, port, err := net.SplitHostPort(u.ln.Addr().String())
	require.NoError(t, err)
	trust = func(c *gateway.Config) { c.Upstreams.CAFile = caFile }
	return u, trust, "https://localhost:" + port, caFile
}

func forEachTLS(t *testing.T, test func(t *testing.T, version uint16)) {
	t.Run("1.2", func(t *testing.T) { test(t, tls.VersionTLS12) })
	t.Run("1.3", func(t *testing.T) { test(t, tls.VersionTLS13) })
}

func TestSecureUpstream(t *testing.T) {
	big := strings.Repeat("x", 100_000)
	forEachTLS(t, func(t *testing.T, version uint16) {
		upstream, trust, url := secureUpstream(t, version, func(l *link, _ *corked) {
			for l.read() {
				l.write("%s", answerFor(big))
			}
		})
		s := newSystem(t, []gateway.Route{balance(url+"/v2", public)}, options{config: trust})
		c := s.dial() // the next request is read when the upstream's connection has been given back
		for range 3 {
			c.send(raw("GET /balance"))
			require.Equal(t, big, c.receive("GET").body)
		}
		require.Equal(t, 1, upstream.connections())
		require.Equal(t, "/v2/balance", upstream.requests()[0].target)
		require.Equal(t, []string{strings.TrimPrefix(url, "https://")}, upstream.requests()[0].values("Host"))
	})
}

func TestUpstreamWithAWrongCertificate(t *testing.T) {
	upstream, _, url := secureUpstream(t, 0, func(l *link, _ *corked) { l.read() })
	s := newSystem(t, []gateway.Route{balance(url, public)}, options{})
	requireRefused(t, s.do(raw("GET /balance")), 502, "bad_gateway")
	require.Empty(t, upstream.requests())

	upstream, trust, url := secureUpstream(t, 0, func(l *link, _ *corked) { l.read() })
	s = newSystem(t, []gateway.Route{balance(strings.Replace(url, "localhost", "127.0.0.1", 1), public)}, options{config: trust})
	requireRefused(t, s.do(raw("GET /balance")), 502, "bad_gateway")
	require.Empty(t, upstream.requests())
}

// agreeing is an upstream that answers with what a handshake with the configuration has agreed upon.
func agreeing(t *testing.T, name string, config *tls.Config) (u *fakeUpstream, url, caFile string) {
	certificate, caFile := selfSigned(t, name)
	config.Certificates = []tls.Certificate{certificate}
	u = newUpstream(t, func(l *link) {
		secured := tls.Server(l.Conn, config)
		l.Conn, l.reader = secured, bufio.NewReader(secured)
		if l.read() {
			agreed := secured.ConnectionState()
			l.write("%s", answerFor(tls.VersionName(agreed.Version)+" "+agreed.NegotiatedProtocol+" "+agreed.ServerName))
		}
	})
	_, port, err := net.SplitHostPort(u.ln.Addr().String())
	require.NoError(t, err)
	return u, "https://localhost:" + port, caFile
}

func TestWhatIsAgreedUponWithAnUpstream(t *testing.T) {
	for name, test := range map[string]struct {
		config *tls.Config
		answer string // empty: there is none
	}{
		"all":             {&tls.Config{}, "TLS 1.3  localhost"},
		"TLS 1.2":         {&tls.Config{MaxVersion: tls.VersionTLS12}, "TLS 1.2  localhost"},
		"TLS 1.1":         {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, ""},
		"HTTP/2 as well":  {&tls.Config{NextProtos: []string{"h2", "http/1.1"}}, "TLS 1.3 http/1.1 localhost"},
		"its own clients": {&tls.Config{ClientAuth: tls.RequireAnyClientCert}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			upstream, url, caFile := agreeing(t, "localhost", test.config)
			s := newSystem(t, []gateway.Route{balance(url, public, func(r *gateway.Route) { r.CAFile = caFile })}, options{})
			got := s.do(raw("GET /balance"))
			if test.answer == "" {
				requireRefused(t, got, 502, "bad_gateway")
				require.Empty(t, upstream.requests())
				return
			}
			require.Equal(t, 200, got.StatusCode)
			require.Equal(t, test.answer, got.body)
		})
	}
}

// systemRoots names a file that this process, a child of a test, has for the system's certificates.
const systemRoots = "GATEHOUSE_TEST_SYSTEM_ROOTS"

// TestOwnCertificatesAreInAdditionToTheSystems runs itself in a process that trusts an upstream as it would a public one:
// a ca_file for others must not end that.
func TestOwnCertificatesAreInAdditionToTheSystems(t *testing.T) {
	if url := os.Getenv(systemRoots); url != "" {
		_, own := selfSigned(t, "localhost")
		s := newSystem(t, []gateway.Route{
			balance(url, public, path("/without")),
			balance(url, public, path("/with"), func(r *gateway.Route) { r.CAFile = own }),
		}, options{})
		for _, target := range []string{"/without", "/with"} {
			require.Equal(t, 200, s.do(raw("GET "+target)).StatusCode, target)
		}
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("the system's certificates are not in a file that can be named")
	}
	_, url, caFile := agreeing(t, "localhost", &tls.Config{})
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), systemRoots+"="+url, "SSL_CERT_FILE="+caFile, "SSL_CERT_DIR="+t.TempDir())
	output, err := child.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

func TestAFileWithoutCertificatesIsRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(empty, []byte("not a certificate"), 0o600))
	for file, problem := range map[string]string{empty: "holds no certificate", empty + ".missing": "no such file"} {
		route := balance("https://localhost:1", public, func(r *gateway.Route) { r.CAFile = file })
		require.ErrorContains(t, gateway.Validate([]gateway.Route{route}, gateway.Upstreams{}, nil), problem)
	}
}

func TestUnaskedAnswerOverTLSReachesNobody(t *testing.T) {
	first, nobody := answerFor("first"), answerFor("nobody")
	for how, push := range map[string]func(l *link, cork *corked){
		"in the same record": func(l *link, _ *corked) { l.write("%s", first+nobody) },
		"in the same record, not read at once": func(l *link, _ *corked) {
			l.write("%s", answerFor(strings.Repeat("f", 16<<10-len(nobody)-60))+nobody)
		},
		"in the same segment": func(l *link, cork *corked) {
			cork.held = new(bytes.Buffer)
			l.write("%s", first)
			l.write("%s", nobody)
			cork.uncork(0)
		},
		"half of it in the same segment": func(l *link, cork *corked) {
			cork.held = new(bytes.Buffer)
			l.write("%s", first)
			l.write("%s", nobody)
			cork.uncork(10)
		},
		"a few bytes in the same segment": func(l *link, cork *corked) {
			cork.held = new(bytes.Buffer)
			l.write("%s", first)
			before := cork.held.Len()
			l.write("%s", nobody)
			cork.uncork(cork.held.Len() - before - 3)
		},
	} {
		t.Run(how, func(t *testing.T) {
			forEachTLS(t, func(t *testing.T, version uint16) {
				upstream, trust, url := secureUpstream(t, version, func(l *link, cork *corked) {
					for l.read() {
						if l.number == 0 {
							push(l, cork)
						} else {
							l.write("%s", answerFor("second"))
						}
					}
				})
				s := newSystem(t, []gateway.Route{balance(url, public)}, options{config: trust})
				require.Regexp(t, "^f", s.do(raw("GET /balance")).body)
				require.Equal(t, "second", s.do(raw("GET /balance")).body)
				require.Len(t, upstream.requests(), 2)
			})
		})
	}
}

func TestSecureUpstreamThatHangsUp(t *testing.T) {
	forEachTLS(t, func(t *testing.T, version uint16) {
		upstream, trust, url := secureUpstream(t, version, func(l *link, _ *corked) {
			if l.read() {
				l.write(okAnswer)
			}
		})
		s := newSystem(t, []gateway.Route{balance(url, public, methods("POST"))}, options{config: trust})
		for n := range 3 {
			require.Equal(t, 200, s.do(withBody("pay 100", "POST /balance")).StatusCode)
			upstream.awaitClosed(n)
		}
		require.Len(t, upstream.requests(), 3)
	})
}

// Without the alert that ends a TLS stream nobody knows whether the answer was cut.
func TestCutAnswerOverTLS(t *testing.T) {
	upstream, trust, url := secureUpstream(t, 0, func(l *link, cork *corked) {
		if l.read() {
			l.write("HTTP/1.1 200 OK\r\n\r\nhalf an answer")
			_ = cork.Conn.Close()
		}
	})
	s := newSystem(t, []gateway.Route{balance(url, public)}, options{config: trust})
	c := s.dial()
	c.send(raw("GET /balance"))
	requireCut(t, c, "half an answer")
	upstream.only()
}
