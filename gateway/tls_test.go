package gateway_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
)

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
	certificate := gatewaytest.NewCertificate(t, 1, "localhost")
	config := certificate.Serving(t)
	config.MaxVersion = version
	u = newUpstream(t, func(l *link) {
		cork := &corked{Conn: l.Conn}
		l.Conn = cork
		l.Secure(config)
		serve(l, cork)
	})
	caFile = certificate.CAFile(t)
	trust = func(c *gateway.Config) { c.Upstreams.CAFile = caFile }
	return u, trust, "https://localhost:" + u.Port(), caFile
}

func forEachTLS(t *testing.T, test func(t *testing.T, version uint16)) {
	t.Run("1.2", func(t *testing.T) { test(t, tls.VersionTLS12) })
	t.Run("1.3", func(t *testing.T) { test(t, tls.VersionTLS13) })
}

func TestSecureUpstream(t *testing.T) {
	big := strings.Repeat("x", 100_000)
	forEachTLS(t, func(t *testing.T, version uint16) {
		upstream, trust, url := secureUpstream(t, version, func(l *link, _ *corked) {
			for l.ReadRequest() {
				l.Say(answerFor(big))
			}
		})
		s := newSystem(t, []gateway.Route{balance(url+"/v2", public)}, options{config: trust})
		c := s.dial() // the next request is read when the upstream's connection has been given back
		for range 3 {
			c.Send(raw("GET /balance"))
			require.Equal(t, big, c.Receive("GET").Body)
		}
		require.Equal(t, 1, upstream.Connections())
		require.Equal(t, "/v2/balance", upstream.Requests()[0].Target)
		require.Equal(t, []string{strings.TrimPrefix(url, "https://")}, upstream.Requests()[0].Values("Host"))
	})
}

func TestUpstreamWithAWrongCertificate(t *testing.T) {
	upstream, _, url := secureUpstream(t, 0, func(l *link, _ *corked) { l.ReadRequest() })
	s := newSystem(t, []gateway.Route{balance(url, public)}, options{})
	requireRefused(t, s.do(raw("GET /balance")), 502, "bad_gateway")
	require.Empty(t, upstream.Requests())

	upstream, trust, url := secureUpstream(t, 0, func(l *link, _ *corked) { l.ReadRequest() })
	s = newSystem(t, []gateway.Route{balance(strings.Replace(url, "localhost", "127.0.0.1", 1), public)}, options{config: trust})
	requireRefused(t, s.do(raw("GET /balance")), 502, "bad_gateway")
	require.Empty(t, upstream.Requests())
}

// agreeing is an upstream that answers with what a handshake with the configuration has agreed upon.
func agreeing(t *testing.T, name string, config *tls.Config) (u *fakeUpstream, url, caFile string) {
	certificate := gatewaytest.NewCertificate(t, 1, name)
	config.Certificates = certificate.Serving(t).Certificates
	u = newUpstream(t, func(l *link) {
		secured := l.Secure(config)
		if l.ReadRequest() {
			agreed := secured.ConnectionState()
			l.Say(answerFor(tls.VersionName(agreed.Version) + " " + agreed.NegotiatedProtocol + " " + agreed.ServerName))
		}
	})
	return u, "https://localhost:" + u.Port(), certificate.CAFile(t)
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
				require.Empty(t, upstream.Requests())
				return
			}
			require.Equal(t, 200, got.StatusCode)
			require.Equal(t, test.answer, got.Body)
		})
	}
}

// systemRoots names a file that this process, a child of a test, has for the system's certificates.
const systemRoots = "GATEHOUSE_TEST_SYSTEM_ROOTS"

// TestOwnCertificatesAreInAdditionToTheSystems runs itself in a process that trusts an upstream as it would a public one:
// a ca_file for others must not end that.
func TestOwnCertificatesAreInAdditionToTheSystems(t *testing.T) {
	if url := os.Getenv(systemRoots); url != "" {
		own := gatewaytest.NewCertificate(t, 1, "localhost").CAFile(t)
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
		"in the same record": func(l *link, _ *corked) { l.Say(first + nobody) },
		"in the same record, not read at once": func(l *link, _ *corked) {
			l.Say(answerFor(strings.Repeat("f", 16<<10-len(nobody)-60)) + nobody)
		},
		"in the same segment": func(l *link, cork *corked) {
			cork.held = new(bytes.Buffer)
			l.Say(first)
			l.Say(nobody)
			cork.uncork(0)
		},
		"half of it in the same segment": func(l *link, cork *corked) {
			cork.held = new(bytes.Buffer)
			l.Say(first)
			l.Say(nobody)
			cork.uncork(10)
		},
		"a few bytes in the same segment": func(l *link, cork *corked) {
			cork.held = new(bytes.Buffer)
			l.Say(first)
			before := cork.held.Len()
			l.Say(nobody)
			cork.uncork(cork.held.Len() - before - 3)
		},
	} {
		t.Run(how, func(t *testing.T) {
			forEachTLS(t, func(t *testing.T, version uint16) {
				upstream, trust, url := secureUpstream(t, version, func(l *link, cork *corked) {
					for l.ReadRequest() {
						if l.Number == 0 {
							push(l, cork)
						} else {
							l.Say(answerFor("second"))
						}
					}
				})
				s := newSystem(t, []gateway.Route{balance(url, public)}, options{config: trust})
				require.Regexp(t, "^f", s.do(raw("GET /balance")).Body)
				require.Equal(t, "second", s.do(raw("GET /balance")).Body)
				require.Len(t, upstream.Requests(), 2)
			})
		})
	}
}

func TestSecureUpstreamThatHangsUp(t *testing.T) {
	forEachTLS(t, func(t *testing.T, version uint16) {
		upstream, trust, url := secureUpstream(t, version, func(l *link, _ *corked) {
			if l.ReadRequest() {
				l.Say(okAnswer)
			}
		})
		s := newSystem(t, []gateway.Route{balance(url, public, methods("POST"))}, options{config: trust})
		for n := range 3 {
			require.Equal(t, 200, s.do(withBody("pay 100", "POST /balance")).StatusCode)
			upstream.AwaitClosed(n)
		}
		require.Len(t, upstream.Requests(), 3)
	})
}

// Without the alert that ends a TLS stream nobody knows whether the answer was cut.
func TestCutAnswerOverTLS(t *testing.T) {
	upstream, trust, url := secureUpstream(t, 0, func(l *link, cork *corked) {
		if l.ReadRequest() {
			l.Say("HTTP/1.1 200 OK\r\n\r\nhalf an answer")
			_ = cork.Conn.Close()
		}
	})
	s := newSystem(t, []gateway.Route{balance(url, public)}, options{config: trust})
	c := s.dial()
	c.Send(raw("GET /balance"))
	requireCut(t, c, "half an answer")
	upstream.Only()
}
