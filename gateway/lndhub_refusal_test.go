package gateway_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// badAuth is how lndhub.go refuses whom it does not let in, byte for byte.
const badAuth = `{"code":1,"error":true,"message":"bad auth"}` + "\n"

func refusing(body string) string {
	return fmt.Sprintf("HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// hub lets in the users that are not among those it refuses.
type hub struct {
	*fakeUpstream
	mu      sync.Mutex
	refused map[string]string // by the user: what is answered
	secret  string
}

func newHub(t *testing.T) *hub {
	h := &hub{refused: map[string]string{}, secret: jwtSecret}
	h.fakeUpstream = newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			l.Say(h.answer(l))
		}
	})
	return h
}

func (h *hub) answer(l *link) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	payload, err := jws.Verify([]byte(strings.TrimPrefix(l.Last.Values("Authorization")[0], "Bearer ")),
		jws.WithKey(jwa.HS256, []byte(h.secret)))
	if err != nil {
		return refusing(badAuth)
	}
	for user, answer := range h.refused {
		if strings.Contains(string(payload), `"id":`+user+`,`) {
			return answer
		}
	}
	return okAnswer
}

func (h *hub) refuse(user, answer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused[user] = answer
}

func (h *hub) signWith(secret string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.secret = secret
}

func TestAUserWhomLndhubDoesNotLetInIsNoOutage(t *testing.T) {
	h := newHub(t)
	h.refuse("7", refusing(badAuth))
	seen := make(witness, 1)
	s := newSystem(t, []gateway.Route{
		balance(h.URL(), credential("lndhub")), paymentRoute(h.URL(), credential("lndhub")),
	}, observed(seen))
	for range 5 { // also when nobody was let in before, and however often
		a := s.do(raw("GET /balance", bearer(s.token(nil))))
		requireRefused(t, a, 403, "access_denied")
		requireSent(t, a, gateway.OutcomeRefused)
		require.Contains(t, a.Body, "suspended")
		require.NotContains(t, a.Body, "bad auth")
		require.Empty(t, a.Header.Get("WWW-Authenticate"), "another token would not help")
		o := <-seen
		require.Equal(t, gateway.UserRefused.String(), o.Verdict.String())
		require.Equal(t, gateway.NoFailure, o.Failure)
	}
	requireRefused(t, s.do(withBody("{}", "POST /pay", bearer(s.token(nil)))), 403, "access_denied")
	<-seen
	require.Equal(t, 1, h.Connections(), "nothing was left on it")
	require.Equal(t, 200, s.do(raw("GET /balance", bearer(s.token(map[string]any{"sub": "8"})))).StatusCode)
	require.NotContains(t, s.log.String(), "upstream failed")
}

func TestWhatIsAnUpstreamsOwnRefusal(t *testing.T) {
	const suspended = `{"error":true,"code":1,"message":"Account has been suspended. Please contact support for further assistance."}`
	for name, test := range map[string]struct {
		answer string
		status int
	}{
		"lndhub.go":               {refusing(badAuth), 403},
		"in another order":        {refusing(`{"error":true,"code":1,"message":"bad auth"}`), 403},
		"it says why":             {refusing(suspended), 403},
		"in chunks":               {"HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2d\r\n" + badAuth + "\r\n0\r\n\r\n", 403},
		"until closed":            {"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n" + badAuth, 403},
		"nothing":                 {refusing(""), 502},
		"a text":                  {refusing("bad auth"), 502},
		"the framework":           {refusing(`"Unauthorized"` + "\n"), 502},
		"a proxy":                 {refusing("<!doctype html><title>401</title>"), 502},
		"another code":            {refusing(`{"code":2,"error":true,"message":"bad auth"}`), 502},
		"no error":                {refusing(`{"code":1,"error":false,"message":"bad auth"}`), 502},
		"another message":         {refusing(`{"code":1,"error":true,"message":"bad auth header"}`), 502},
		"longer than lndhub's is": {refusing(strings.Repeat(" ", 2000) + badAuth), 502},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, func(l *link) {
				for l.ReadRequest() {
					l.Say(test.answer)
					if strings.Contains(test.answer, "Connection: close") {
						return
					}
				}
			})
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("lndhub"))}, options{})
			require.Equal(t, test.status, s.do(raw("GET /balance", bearer(s.token(nil)))).StatusCode)
			upstream.Only()
		})
	}
}

// The same words from another upstream are about another credential.
func TestOnlyLndhubsCredentialIsRefusedForItsUser(t *testing.T) {
	upstream := newUpstream(t, answering(refusing(badAuth)))
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("headers"))}, options{})
	requireRefused(t, s.do(raw("GET /balance", bearer(s.token(nil)))), 502, "bad_gateway")
}

// A secret that is not lndhub.go's, and a lndhub.go whose database is down, meet everybody.
func TestAnLndhubThatLetsNobodyInIsAnOutage(t *testing.T) {
	h := newHub(t)
	h.signWith("another secret")
	seen := make(witness, 1)
	s := newSystem(t, []gateway.Route{
		balance(h.URL(), credential("lndhub")), paymentRoute(h.URL(), credential("lndhub"), func(r *gateway.Route) { r.MaxConns = 3 }),
	}, observed(seen))
	ask := func(user int) int {
		target := "GET /balance"
		if user%2 == 0 {
			target = "GET /pay" // of the same lndhub.go
		}
		a := s.do(raw(target, bearer(s.token(map[string]any{"sub": strconv.Itoa(user)}))))
		<-seen
		return a.StatusCode
	}
	require.Equal(t, 403, ask(1))
	require.Equal(t, 403, ask(2))
	for user := range 20 {
		require.Equal(t, 502, ask(3+user))
	}
	require.Equal(t, 502, ask(1))
	require.Contains(t, s.log.String(), "jwt_secret")

	h.signWith(jwtSecret)
	h.refuse("1", refusing(badAuth))
	require.Equal(t, 502, ask(1), "nobody was let in yet")
	require.Equal(t, 200, ask(2))
	require.Equal(t, 403, ask(1))

	for user := 30; user < 60; user++ { // many suspended users beside good ones
		h.refuse(strconv.Itoa(user), refusing(badAuth))
		require.Equal(t, 403, ask(user))
		require.Equal(t, 200, ask(2))
	}
}

// Only a request that was let in shows that somebody is: a proxy, or lndhub.go's limit of requests, answers before that.
func TestWhatDoesNotShowThatLndhubLetsUsersIn(t *testing.T) {
	h := newHub(t)
	s := newSystem(t, []gateway.Route{balance(h.URL(), credential("lndhub"))}, options{})
	ask := func(user string) int {
		return s.do(raw("GET /balance", bearer(s.token(map[string]any{"sub": user})))).StatusCode
	}
	for user, answer := range map[string]string{
		"101": "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
		"102": "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
		"103": "HTTP/1.1 301 Moved Permanently\r\nContent-Length: 0\r\n\r\n",
		"104": "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		"105": refusing(`"Unauthorized"`),
	} {
		h.refuse(user, answer)
	}
	require.Equal(t, 200, ask("1"))
	h.signWith(jwtSecret)
	for _, user := range []string{"2", "3", "4"} {
		h.refuse(user, refusing(badAuth))
	}
	require.Equal(t, 403, ask("2"))
	require.Equal(t, 403, ask("3"))
	for _, user := range []string{"101", "102", "103", "104", "105"} {
		ask(user)
	}
	require.Equal(t, 502, ask("4"))
}

// What everybody may read is answered whether or not the credential is a good one.
func TestAPublicPathDoesNotShowThatLndhubLetsUsersIn(t *testing.T) {
	h := newHub(t)
	s := newSystem(t, []gateway.Route{
		balance(h.URL(), credential("lndhub")), balance(h.URL(), path("/info"), public, credential("lndhub")),
	}, options{})
	ask := func(target, user string) int {
		return s.do(raw("GET "+target, bearer(s.token(map[string]any{"sub": user})))).StatusCode
	}
	for _, user := range []string{"2", "3", "4"} {
		h.refuse(user, refusing(badAuth))
	}
	require.Equal(t, 403, ask("/balance", "2"))
	require.Equal(t, 403, ask("/balance", "3"))
	require.Equal(t, 200, ask("/info", "1"))
	require.Equal(t, 502, ask("/balance", "4"))
}
