package gateway_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// identity returns what an upstream with that credential is told about the caller of a request with that token.
func identity(t *testing.T, name string, changes map[string]any) []string {
	t.Helper()
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential(name))}, options{})
	token := s.token(changes)
	require.Equal(t, 200, s.do(raw("GET /balance", bearer(token))).StatusCode)
	var told []string
	for _, line := range upstream.Only().Lines {
		if strings.HasPrefix(line, "Authorization:") || strings.HasPrefix(line, "X-Gatehouse") {
			told = append(told, strings.ReplaceAll(line, token, "<token>"))
		}
	}
	return told
}

func TestCredentialLNDHub(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("lndhub"))}, options{})
	for n := range 50 {
		user := strconv.Itoa(n + 1)
		token := s.token(map[string]any{"sub": user, "client_id": `a"b`})
		require.Equal(t, 200, s.do(raw("GET /balance", bearer(token))).StatusCode)
		sent := upstream.Requests()[n].Values("Authorization")
		require.Len(t, sent, 1)
		payload, err := jws.Verify([]byte(strings.TrimPrefix(sent[0], "Bearer ")), jws.WithKey(jwa.HS256, []byte(jwtSecret)))
		require.NoError(t, err)
		require.JSONEq(t, fmt.Sprintf(`{"id": %s, "isRefresh": false, "clientId": "a\"b", "exp": %d}`, user, now.Unix()+60), string(payload))
	}
}

func TestCredentialLNDHubIsForUsersOnly(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("lndhub"))}, options{})
	for name, changes := range map[string]map[string]any{
		"a name":                       {"sub": "alice"},
		"a client":                     {"sub": "app", "grant_id": nil},
		"a client called like a user":  {"sub": "7", "client_id": "7", "grant_id": nil},
		"zero":                         {"sub": "0"},
		"negative":                     {"sub": "-7"},
		"signed":                       {"sub": "+7"},
		"leading zero":                 {"sub": "07"},
		"space":                        {"sub": " 7"},
		"fraction":                     {"sub": "7.0"},
		"exponent":                     {"sub": "7e0"},
		"hexadecimal":                  {"sub": "0x7"},
		"underscore":                   {"sub": "1_000"},
		"more than lndhub.go can hold": {"sub": "9223372036854775808"},
		"digits of another script":     {"sub": "\u0667"},
	} {
		t.Run(name, func(t *testing.T) {
			requireRefused(t, s.do(raw("GET /balance", bearer(s.token(changes)))), 403, "insufficient_scope")
		})
	}
	require.Empty(t, upstream.Requests())
}

func TestCredentialForward(t *testing.T) {
	require.Equal(t, []string{"Authorization: Bearer <token>"}, identity(t, "forward", nil))
}

func TestCredentialHeaders(t *testing.T) {
	require.Equal(t, []string{
		"X-Gatehouse-Subject: 7",
		"X-Gatehouse-Client: app",
		"X-Gatehouse-Scope: balance:read invoices:create",
		"X-Gatehouse-Token-Id: token-1",
		"X-Gatehouse-Grant: grant-1",
	}, identity(t, "headers", nil))
	require.NotContains(t, strings.Join(identity(t, "headers", map[string]any{"grant_id": nil}), "\n"), "Grant")
}

func TestCredentialHeadersKeepsClaimsOnTheirLine(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("headers"))}, options{})
	for _, sub := range []string{"7\r\nX-Gatehouse-Subject: 8", "7\n", "7\x00"} {
		requireRefused(t, s.do(raw("GET /balance", bearer(s.token(map[string]any{"sub": sub})))), 500, "server_error")
	}
	require.Empty(t, upstream.Requests())
}

func TestCredentialNone(t *testing.T) {
	require.Empty(t, identity(t, "none", nil))
}
