package app_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
	"gatehouse/keys"
)

// signingKey is the running server's own private key: what is signed with it is wrong only in what the test changed.
func (r *running) signingKey() *keys.Key {
	r.t.Helper()
	stored, err := r.app.Registry().SigningKeys(r.t.Context())
	require.NoError(r.t, err)
	require.Len(r.t, stored, 1)
	key, err := keys.Open(stored[0].Sealed, r.config.Keys.Secret.Reveal(), stored[0].ID)
	require.NoError(r.t, err)
	return key
}

func segment(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// TestNoForgedTokenPasses sends tokens that are wrong in one thing each through the whole gateway. The issuer's own key
// signs those whose claims are wrong.
func TestNoForgedTokenPasses(t *testing.T) {
	upstream := gatewaytest.NewUpstream(t, gatewaytest.AnswerAll)
	config := testConfig(upstream.URL())
	r := start(t, config)
	good := r.consent(r.register(), 1, "balance:read").access
	key := r.signingKey()
	parts := strings.Split(good, ".")

	rawClaims, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var issued map[string]any
	require.NoError(t, json.Unmarshal(rawClaims, &issued))
	with := func(changes map[string]any) string {
		claims := maps.Clone(issued)
		for name, value := range changes {
			if value == nil {
				delete(claims, name)
			} else {
				claims[name] = value
			}
		}
		for _, name := range []string{"iat", "exp"} { // JSON made floats of them
			if value, ok := claims[name].(float64); ok {
				claims[name] = int64(value)
			}
		}
		token, err := key.Sign(keys.TypeAccessToken, claims)
		require.NoError(t, err)
		return token
	}
	typed := func(typ string) string {
		token, err := key.Sign(typ, json.RawMessage(rawClaims))
		require.NoError(t, err)
		return token
	}
	stranger, err := keys.Generate(keys.ES256)
	require.NoError(t, err)
	strange, err := stranger.Sign(keys.TypeAccessToken, json.RawMessage(rawClaims))
	require.NoError(t, err)
	jwks := r.do(http.MethodGet, r.public+"/.well-known/jwks.json", nil, nil).body
	hs256 := segment(t, map[string]string{"alg": "HS256", "kid": key.ID(), "typ": keys.TypeAccessToken}) + "." + parts[1]
	mac := hmac.New(sha256.New, []byte(jwks))
	mac.Write([]byte(hs256))

	forged := map[string]string{
		"alg none":            segment(t, map[string]string{"alg": "none", "kid": key.ID(), "typ": keys.TypeAccessToken}) + "." + parts[1] + ".",
		"HS256 with the JWKS": hs256 + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"unknown kid":         strange,
		"another key's alg":   segment(t, map[string]string{"alg": "RS256", "kid": key.ID(), "typ": keys.TypeAccessToken}) + "." + parts[1] + "." + parts[2],
		"key of another":      parts[0] + "." + parts[1] + "." + strings.Split(strange, ".")[2],
		"crit":                segment(t, map[string]any{"alg": "ES256", "kid": key.ID(), "typ": keys.TypeAccessToken, "crit": []string{"x"}}) + "." + parts[1] + "." + parts[2],
		"typ JWT":             typed("JWT"),
		"typ of an id token":  typed("id_token+jwt"),
		"no exp":              with(map[string]any{"exp": nil}),
		"no iat":              with(map[string]any{"iat": nil}),
		"no jti":              with(map[string]any{"jti": nil}),
		"no client":           with(map[string]any{"client_id": nil}),
		"expired":             with(map[string]any{"exp": time.Now().Add(-time.Second).Unix()}),
		"another issuer":      with(map[string]any{"iss": "http://localhost:1"}),
		"another audience":    with(map[string]any{"aud": []string{"http://localhost:1"}}),
		"issued tomorrow":     with(map[string]any{"iat": time.Now().Add(24 * time.Hour).Unix()}),
		"JSON serialization":  `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"padding":             good + "=",
		"two parts":           parts[0] + "." + parts[1],
		"not a token":         "hello",
		"oversize":            strings.Repeat("A", 9_000),
	}
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if respelled := good[:len(good)-1] + string(last); respelled != good {
			forged["last character "+string(last)] = respelled
		}
	}
	for name, token := range forged {
		t.Run(name, func(t *testing.T) {
			refused := r.balance(token)
			require.Equal(t, http.StatusUnauthorized, refused.status, refused.body)
			require.Equal(t, "invalid_token", refused.json(t)["error"])
			require.Contains(t, refused.header.Get("WWW-Authenticate"), "Bearer")
		})
	}
	require.Empty(t, upstream.Requests(), "the upstream saw a request with a forged token")
	require.Equal(t, http.StatusOK, r.balance(with(nil)).status, "the unchanged claims, signed again, pass")
}

// TestNoAmbiguousPathPasses sends paths that two readers could read differently, with a token that is good for all.
func TestNoAmbiguousPathPasses(t *testing.T) {
	upstream := gatewaytest.NewUpstream(t, gatewaytest.AnswerAll)
	config := testConfig(upstream.URL())
	config.Routes[0].Path = "/invoices/{payment_hash}"
	r := start(t, config)
	token := r.consent(r.register(), 1, "balance:read payments:send").access

	send := func(target string) string {
		c := r.dial()
		c.Send(gatewaytest.Raw("GET "+target, "Authorization: Bearer "+token, "Connection: close"))
		text, err := io.ReadAll(c.Reader)
		require.NoError(t, err)
		return string(text)
	}
	for _, target := range []string{
		"/invoices/a%2fb", "/invoices/a%2Fb", "/invoices/..", "/invoices/../balance", "/invoices/%2e%2e", "/invoices/.%2E/balance",
		"/invoices/.", "/invoices/%2e", "/invoices/a\\b", "/invoices/a%5cb", "/invoices/a%00", "/invoices/a\x00b", "/invoices/a;b",
		"/invoices/a%3bb", "//invoices/a", "/invoices//a", "/invoices/a//", "invoices/a", "http://localhost/invoices/a", "*",
		"/invoices/%", "/invoices/%zz", "/invoices/a\tb", "/invoices/\xff", "/invoices/a#b", "/invoices/%0d%0aX:%20y", "/invoices/%7f",
	} {
		t.Run(fmt.Sprintf("%q", target), func(t *testing.T) {
			require.Contains(t, send(target), "HTTP/1.1 400 ")
		})
	}
	require.Empty(t, upstream.Requests(), "the upstream saw an ambiguous path")
	require.Contains(t, send("/invoices/a"), "HTTP/1.1 200 ")
	require.Contains(t, send("/Invoices/a"), "HTTP/1.1 404 ", "case counts")
	require.Contains(t, send("/invoices/a/"), "HTTP/1.1 404 ", "so does a trailing slash")
	require.Len(t, upstream.Requests(), 1)
}
