package authz_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/jws/jwstest"
)

func TestAClientSignsWithTheAlgorithmThatItHasRegistered(t *testing.T) {
	g := newRegistering(t)
	key := jwstest.New(t, "RS256")
	said := keysOf(key.JWK(t, map[string]any{"kid": "first"}))
	said["token_endpoint_auth_signing_alg"] = "PS256"
	s := signing{world: g.world, Signer: key, id: g.registered(said).str("client_id"), kid: "first"}
	g.requireError(s.refreshes("x"), http.StatusUnauthorized, "invalid_client")
	s.Algorithm = "PS256"
	g.requireError(s.refreshes("x"), http.StatusBadRequest, "invalid_grant")
}

// A stranger has its keys at other servers, too, and one of those may have given it the client_id that it has here.
func TestWhatARegisteredStrangerSignsIsForOneIssuer(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(map[string]any{"token_endpoint_auth_method": "private_key_jwt"})
	s := g.signers[a.str("client_id")]
	for _, aud := range []any{g.url + "/oauth/token", g.url + "/oauth/revoke", []string{g.url, g.url + "/oauth/revoke"}, g.url + "/"} {
		refused := g.post("/oauth/revoke", signed(s.assertion(nil, map[string]any{"aud": aud}), "token", "x"))
		g.requireError(refused, http.StatusUnauthorized, "invalid_client")
		require.Contains(t, refused.str("error_description"), "its aud is not the issuer")
		forged := s
		forged.Signer = jwstest.New(t, "ES256")
		refused = g.post("/oauth/revoke", signed(forged.assertion(nil, map[string]any{"aud": g.url + "/oauth/token"}), "token", "x"))
		require.NotContains(t, refused.str("error_description"), "aud", "who is not the client learns nothing about it")
	}
	for _, aud := range []any{g.url, []string{g.url}} {
		good := g.post("/oauth/revoke", signed(s.assertion(nil, map[string]any{"aud": aud}), "token", "x"))
		require.Equal(t, http.StatusOK, good.StatusCode, good.text)
	}
	again := s.assertion(nil, nil)
	require.Equal(t, http.StatusOK, g.post("/oauth/revoke", signed(again, "token", "x")).StatusCode)
	g.requireError(g.post("/oauth/revoke", signed(again, "token", "x")), http.StatusUnauthorized, "invalid_client")
}

// Whoever has registered another's public key is not that one, and gains nothing by it.
func TestTheKeyOfAnotherClientIsWorthNothing(t *testing.T) {
	g := newRegistering(t)
	victim := g.registered(map[string]any{"token_endpoint_auth_method": "private_key_jwt"})
	s := g.signers[victim.str("client_id")]
	token := g.allowed(g.signedIn(), victim)
	thief := g.registered(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(s.keySet())})

	seen := s.assertion(nil, nil) // which the victim has sent to the thief's server, say
	stolen := func(pairs ...string) answer {
		return g.post("/oauth/token", signed(seen, append([]string{"grant_type", "refresh_token", "refresh_token", token.str("refresh_token")}, pairs...)...))
	}
	g.requireError(stolen("client_id", thief.str("client_id")), http.StatusBadRequest, "invalid_request")
	other := s
	other.id = thief.str("client_id")
	g.requireError(other.refreshes(token.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, stolen().StatusCode)
}

// Anybody can register as many clients as he likes, and each can sign as much as it likes. What others sign is not refused for that.
func TestWhatStrangersSignTakesNoRoomOfOthers(t *testing.T) {
	g := newRegistering(t)
	signsIn := func(from string) signing {
		t.Helper()
		g.from = from
		return g.signers[g.registered(map[string]any{"token_endpoint_auth_method": "private_key_jwt"}).str("client_id")]
	}
	counters := func() (names []string) {
		for _, name := range g.redis.Keys() {
			if strings.Contains(name, "assertions") {
				names = append(names, name)
			}
		}
		return names
	}
	ask := func(s signing) answer { return g.post("/oauth/revoke", signed(s.assertion(nil, nil), "token", "x")) }

	first, second, others := signsIn("2001:db8::1"), signsIn("2001:db8::2"), g.signs("signing")
	g.from = "2001:db8::1"
	require.Equal(t, http.StatusOK, ask(first).StatusCode)
	for _, name := range counters() {
		require.NoError(t, g.redis.Set(name, "60000")) // as if the stranger had gone on
	}
	g.from = "2001:db8::2"
	require.GreaterOrEqual(t, ask(second).StatusCode, 500, "all the clients of an address, which is a network of IPv6, count together")
	require.Equal(t, http.StatusOK, ask(others).StatusCode)

	for _, name := range counters() {
		require.NoError(t, g.redis.Set(name, "10000")) // as much as an address or a client can have, and all together have more
	}
	require.GreaterOrEqual(t, ask(second).StatusCode, 500)
	g.from = "2001:db8:0:1::1"
	require.Equal(t, http.StatusOK, ask(second).StatusCode, "another network")
}
