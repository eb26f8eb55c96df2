package gatewaytest

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnUpstreamSaysWhatItReceived(t *testing.T) {
	u := NewUpstream(t, AnswerAll)
	c := Dial(t, u.Addr())
	require.Equal(t, "ok", c.Do(Raw("GET /a?b", "X-A: 1", "x-a:2", "x-A: 3")).Body)
	require.Equal(t, "ok", c.Do(RawWithBody("hello", "POST /b")).Body)
	require.Equal(t, "ok", c.Do(Raw("PUT /c", "Transfer-Encoding: chunked")+"2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n").Body)
	seen := u.Requests()
	require.Equal(t, []Request{
		{Method: "GET", Target: "/a?b", Lines: []string{"Host: gateway.example", "X-A: 1", "x-a:2", "x-A: 3"}},
		{Method: "POST", Target: "/b", Lines: []string{"Host: gateway.example", "Content-Length: 5"}, Body: "hello"},
		{
			Method: "PUT", Target: "/c", Lines: []string{"Host: gateway.example", "Transfer-Encoding: chunked"}, Body: "hello",
			Trailers: []string{"X-Sum: 1"},
		},
	}, seen)
	require.Equal(t, []string{"1", "3"}, seen[0].Values("X-a"))
	require.Equal(t, seen, u.Take())
	require.Empty(t, u.Requests())
	require.Equal(t, 1, u.Connections())

	Dial(t, u.Addr()).Do(Raw("GET /d"))
	require.Equal(t, "/d", u.Only().Target)
	require.Equal(t, 2, u.Connections())
	c.Close()
	u.AwaitClosed(0)
	require.Empty(t, u.Closed(1), "the other stays")
}

// What is not whole was not received.
func TestARequestThatIsCutIsNone(t *testing.T) {
	read := make(chan bool)
	u := NewUpstream(t, func(c *Conn) { read <- c.ReadRequest() })
	for _, sent := range []string{
		"", "GET / HT", Raw("POST /", "Content-Length: 3") + "hi", Raw("POST /", "Transfer-Encoding: chunked") + "2\r\nhi\r\n0\r\n",
	} {
		c := Dial(t, u.Addr())
		c.Send(sent)
		c.CloseWrite()
		require.False(t, <-read)
		require.True(t, c.IsClosed())
	}
	require.Empty(t, u.Requests())
}

// A test that is told what is no request sees it fail.
func TestWhatIsNoRequestFailsTheTest(t *testing.T) {
	for sent, complaint := range map[string]string{
		"GET /  HTTP/1.1\r\n\r\n": "bad request line",
		"GET / HTTP/1.0\r\n\r\n":  "bad request line",
		Raw("POST /", "Transfer-Encoding: chunked") + "2;a=b\r\nhi\r\n0\r\n\r\n": "bad chunk",
		Raw("POST /", "Transfer-Encoding: chunked") + "2\r\nhi!\n0\r\n\r\n":      "a chunk ends in",
	} {
		told := &witness{TB: t}
		u := NewUpstream(told, AnswerAll)
		c := Dial(t, u.Addr())
		c.Send(sent)
		c.CloseWrite()
		u.AwaitClosed(0)
		require.Contains(t, told.said, complaint)
	}
}

// witness takes errors instead of a test.
type witness struct {
	testing.TB
	said string
}

func (w *witness) Errorf(format string, _ ...any) { w.said += format }

func TestAScriptHasItsWay(t *testing.T) {
	u := NewUpstream(t, func(c *Conn) {
		switch c.ReadRequest(); c.Number {
		case 0:
			c.Sayf("HTTP/1.1 103 Early Hints\r\n\r\n%s", WithLength("first"))
			c.Hold()
			c.Say(ChunkedHead + "5\r\ncut o")
		case 1:
			c.ResetOnClose()
		default:
			c.Say(ChunkedHead + "zz\r\n")
		}
	})
	first := Dial(t, u.Addr())
	first.Send(Raw("GET /"))
	answer, err := first.TryReceiveFinal("GET")
	require.NoError(t, err)
	require.Equal(t, "first", answer.Body)
	require.Empty(t, u.Closed(0))
	u.Release()
	u.Release()
	cut, err := first.TryReceive("GET")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "cut o", cut.Body)
	require.True(t, first.IsClosed())

	second := Dial(t, u.Addr())
	second.Send(Raw("GET /"))
	_, err = second.TryReceive("GET")
	require.True(t, IsReset(err))

	third := Dial(t, u.Addr())
	third.Send(Raw("GET /"))
	require.Equal(t, []int{NotHTTP}, third.Statuses())
}

func TestAnUpstreamAnswersWithWhatAFunctionSays(t *testing.T) {
	u := NewUpstream(t, AnsweringWith(func(r Request) string {
		if r.Target == "/end" {
			return ""
		}
		return WithLength(r.Target)
	}))
	c := Dial(t, u.Addr())
	c.SendPieces(Raw("GET /a")+Raw("GET /b")+Raw("GET /end")+Raw("GET /c"), 7)
	require.Equal(t, "/a", c.Receive("GET").Body)
	require.Equal(t, []int{200}, c.Statuses())
}

func TestBothEndsSpeakTLS(t *testing.T) {
	certificate := NewCertificate(t, 7, "127.0.0.1")
	u := NewUpstream(t, Secured(certificate.Serving(t), AnswerAll))
	c := DialTLS(t, u.Addr(), certificate.Trusted())
	require.Equal(t, "ok", c.Do(Raw("GET /")).Body)
	require.EqualValues(t, 7, c.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64())
	require.Equal(t, "/", u.Only().Target)

	_, err := TryDialTLS(t, u.Addr(), NewCertificate(t, 8, "127.0.0.1").Trusted())
	var unknown *tls.CertificateVerificationError
	require.ErrorAs(t, err, &unknown)
}

func TestAnUpstreamReadsAsNetHTTPDoes(t *testing.T) {
	errs := make(chan error)
	u := NewUpstream(t, func(c *Conn) {
		for {
			_, body, err := c.ReadParsed()
			if errs <- err; err != nil {
				return
			}
			c.Say(WithLength(strings.ToUpper(body)))
		}
	})
	c := Dial(t, u.Addr())
	c.Send(Raw("POST /", "Transfer-Encoding: chunked") + "5;a=b\r\nhello\r\n0\r\n\r\n")
	require.NoError(t, <-errs)
	require.Equal(t, "HELLO", c.Receive("POST").Body)
	c.CloseWrite()
	require.Equal(t, io.EOF, <-errs)

	for sent, want := range map[string]string{"GET\r\n\r\n": "no request: ", Raw("POST /", "Content-Length: 5") + "hi": "unexpected EOF"} {
		c := Dial(t, u.Addr())
		c.Send(sent)
		c.CloseWrite()
		require.ErrorContains(t, <-errs, want)
	}
	require.Empty(t, u.Requests())
}
