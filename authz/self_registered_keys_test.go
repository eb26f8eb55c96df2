package authz_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/client/assertion"
	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/authztest"
	"gatehouse/keys/jws/jwstest"
)

// keysOf are those that a client registers that signs who it is.
func keysOf(keys ...any) map[string]any {
	return map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": map[string]any{"keys": keys}}
}

func TestAClientRegistersTheKeysThatItSignsWith(t *testing.T) {
	for _, alg := range []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"} {
		g := newRegistering(t)
		s := signing{world: g.world, Signer: jwstest.New(t, alg), kid: "first"}
		a := g.registered(map[string]any{
			"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(s.keySet()), "token_endpoint_auth_signing_alg": alg,
		})
		require.Equal(t, "private_key_jwt", a.str("token_endpoint_auth_method"))
		require.Equal(t, alg, a.str("token_endpoint_auth_signing_alg"))
		require.JSONEq(t, s.keySet(), jwstest.Text(t, a.json["jwks"]))
		require.NotContains(t, a.json, "client_secret")
		require.NotContains(t, a.json, "client_secret_expires_at")
		require.Equal(t, a.json, g.manages(http.MethodGet, a, nil).json)

		s.id = a.str("client_id")
		g.signers[s.id] = s
		b := g.signedIn()
		b.open(g.asks(a))
		code := b.sent(b.press("allow")).Get("code")
		g.requireError(g.post("/oauth/token", redemption(code, "client_id", s.id, "code_verifier", strings.Repeat("v", 43))), 401, "invalid_client")
		first := g.redeems(a, code)
		require.Equal(t, http.StatusOK, first.StatusCode, first.text)
		second := g.refreshes(a, first.str("refresh_token"))
		require.Equal(t, http.StatusOK, second.StatusCode, second.text)
		revoked := g.proves(a, "/oauth/revoke", form("token", second.str("refresh_token")))
		require.Equal(t, http.StatusOK, revoked.StatusCode, revoked.text)
		g.requireDenied(second.str("access_token"))

		shown := g.adminDo(http.MethodGet, "/"+s.id, "").json
		require.Equal(t, alg, shown["tokenEndpointAuthSigningAlg"])
		require.Equal(t, a.json["jwks"], shown["jwks"])
	}
}

// Whatever can prove nothing, or what somebody else could prove with, is not registered.
func TestKeysThatAStrangerMustNotRegister(t *testing.T) {
	point := jwstest.New(t, "ES256")
	good := point.JWK(t, map[string]any{"kid": "first"})
	another := jwstest.New(t, "ES256").JWK(t, map[string]any{"kid": "first"})
	off, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	offCurve := jwstest.Members(t, off.Public())
	offCurve["y"] = offCurve["x"]
	modulus := func(bits uint) map[string]any {
		n := new(big.Int).SetBit(big.NewInt(1), int(bits-1), 1)
		return jwstest.Members(t, &rsa.PublicKey{N: n, E: 65537})
	}
	exponent := jwstest.New(t, "RS256").JWK(t, map[string]any{"e": jwstest.Raw(strings.Repeat("\xff", 256))})
	many := func(n int, key any) (keys []any) {
		for range n {
			keys = append(keys, key)
		}
		return keys
	}
	with := func(said map[string]any, name string, value any) map[string]any { said[name] = value; return said }
	for name, test := range map[string]struct {
		said   map[string]any
		status int
		want   string
	}{
		"a private key":                {keysOf(good, jwstest.Members(t, point.Key)), 400, "not public"},
		"a private RSA key":            {keysOf(jwstest.Members(t, jwstest.New(t, "RS256").Key)), 400, "not public"},
		"a symmetric key":              {keysOf(good, map[string]any{"kty": "oct", "k": "AAAA"}), 400, "not public"},
		"a symmetric key without k":    {keysOf(map[string]any{"kty": "oct"}), 400, "none of its keys"},
		"no key":                       {keysOf(), 400, "1 to 20 keys"},
		"21 keys":                      {keysOf(many(21, map[string]any{"kty": "EC"})...), 400, "1 to 20 keys"},
		"1,000 keys":                   {keysOf(many(1000, good)...), 413, "too large"},
		"1,000 small keys":             {keysOf(many(1000, map[string]any{})...), 400, "1 to 20 keys"},
		"two keys of one kid":          {keysOf(good, another), 400, "cannot be told apart"},
		"two keys without a kid":       {keysOf(point.JWK(t, nil), jwstest.New(t, "ES256").JWK(t, nil)), 400, "cannot be told apart"},
		"a point that is on no curve":  {keysOf(offCurve), 400, "none of its keys"},
		"another curve":                {keysOf(jwstest.New(t, "ES384").JWK(t, nil)), 400, "none of its keys"},
		"a small RSA key":              {keysOf(modulus(1024)), 400, "none of its keys"},
		"a huge RSA key":               {keysOf(modulus(16384)), 400, "none of its keys"},
		"a modulus that fills it all":  {keysOf(modulus(8 * 13 << 10)), 413, "too large"},
		"a huge exponent":              {keysOf(exponent), 400, "none of its keys"},
		"keys to encrypt":              {keysOf(point.JWK(t, map[string]any{"use": "enc"})), 400, "none of its keys"},
		"a list":                       {with(keysOf(), "jwks", []any{good}), 400, "is no object"},
		"text":                         {with(keysOf(), "jwks", jwstest.Text(t, map[string]any{"keys": []any{good}})), 400, "is no object"},
		"keys that are text":           {with(keysOf(), "jwks", map[string]any{"keys": "x"}), 400, "keys"},
		"nothing":                      {with(keysOf(), "jwks", nil), 400, "needs its public keys"},
		"both":                         {with(keysOf(good), "jwks_uri", "https://app.example/keys"), 400, "both"},
		"keys at a URL":                {with(with(keysOf(), "jwks", nil), "jwks_uri", "https://app.example/keys"), 400, "not fetched here"},
		"signed by nobody":             {with(keysOf(good), "token_endpoint_auth_signing_alg", "none"), 400, "not one of"},
		"signed with a secret":         {with(keysOf(good), "token_endpoint_auth_signing_alg", "HS256"), 400, "not one of"},
		"signed with another key":      {with(keysOf(good), "token_endpoint_auth_signing_alg", "RS256"), 400, "none of the keys"},
		"an algorithm that is none":    {with(keysOf(good), "token_endpoint_auth_signing_alg", 1), 400, "is no text"},
		"a secret that is signed with": {with(keysOf(good), "token_endpoint_auth_method", "client_secret_jwt"), 400, "must be one of"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistering(t)
			a := g.registers(test.said)
			require.Equal(t, test.status, a.StatusCode, a.text)
			require.Equal(t, map[int]string{400: "invalid_client_metadata", 413: "invalid_request"}[test.status], a.str("error"))
			require.Contains(t, a.str("error_description"), test.want)
			require.NotContains(t, a.text, "AAAA")
			require.Empty(t, g.selfRegistered())
		})
	}
}

// Keys of a client that has a secret, or none, could be for anything: they prove nothing here.
func TestKeysAreRegisteredOfWhoSignsAlone(t *testing.T) {
	g := newRegistering(t)
	key := jwstest.New(t, "ES256")
	for _, method := range authMethods[:3] {
		said := keysOf(key.JWK(t, nil))
		said["token_endpoint_auth_method"], said["token_endpoint_auth_signing_alg"] = method, "ES256"
		a := g.registered(said)
		require.NotContains(t, a.json, "jwks")
		require.NotContains(t, a.json, "token_endpoint_auth_signing_alg")
		s := signing{world: g.world, Signer: key, id: a.str("client_id"), kid: "first"}
		g.requireError(s.refreshes("x"), http.StatusUnauthorized, "invalid_client")
	}
}

func TestNobodyRegistersKeysWhereClientsDoNotSign(t *testing.T) {
	g := newRegistering(t, func(c *authz.Config) { c.Assertions = nil })
	a := g.registers(keysOf(jwstest.New(t, "ES256").JWK(t, nil)))
	g.requireError(a, http.StatusBadRequest, "invalid_client_metadata")
	require.NotContains(t, a.str("error_description"), "private_key_jwt")
}

func TestAClientReplacesTheKeysThatItHasRegistered(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(map[string]any{"token_endpoint_auth_method": "private_key_jwt"})
	old := g.signers[a.str("client_id")]
	b := g.signedIn()
	token := g.allowed(b, a)

	kept := g.manages(http.MethodPut, a, map[string]any{"client_name": "Another"})
	require.Equal(t, http.StatusOK, kept.StatusCode, kept.text)
	require.Equal(t, a.json["jwks"], kept.json["jwks"])
	token = g.refreshes(a, token.str("refresh_token"))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	kept = g.manages(http.MethodPut, a, nil)
	require.Equal(t, http.StatusOK, kept.StatusCode, kept.text)

	next := old
	next.Signer, next.kid = jwstest.New(t, "EdDSA"), "second"
	g.signers[next.id] = next
	rotated := g.manages(http.MethodPut, a, map[string]any{"token_endpoint_auth_signing_alg": "EdDSA"})
	require.Equal(t, http.StatusOK, rotated.StatusCode, rotated.text)
	require.JSONEq(t, next.keySet(), jwstest.Text(t, rotated.json["jwks"]))
	require.Equal(t, rotated.json, g.manages(http.MethodGet, a, nil).json)
	g.requireError(old.refreshes(token.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
	token = g.refreshes(a, token.str("refresh_token"))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	b.open(g.asks(a))
	require.Contains(t, b.page.text, "It asks for nothing new.", "a user has not been shown its keys")
}

// There are never a secret and keys, nor keys that somebody else has put there.
func TestARegistrationGoesOnProvingItselfInOneWay(t *testing.T) {
	g := newRegistering(t)
	keyed := g.registered(map[string]any{"token_endpoint_auth_method": "private_key_jwt"})
	shared := g.registered(map[string]any{"token_endpoint_auth_method": "client_secret_basic"})
	public := g.registered(nil)
	thief := signing{world: g.world, Signer: jwstest.New(t, "ES256"), id: keyed.str("client_id"), kid: "first"}
	theirs := keysOf(thief.JWK(t, map[string]any{"kid": "first"}))

	refused := func(a answer, changes map[string]any) {
		t.Helper()
		got := g.manages(http.MethodPut, a, changes)
		g.requireError(got, http.StatusBadRequest, "invalid_client_metadata")
		g.clock.Advance(time.Minute)
	}
	refused(keyed, map[string]any{"token_endpoint_auth_method": "client_secret_basic"})
	refused(keyed, map[string]any{"token_endpoint_auth_method": nil})
	refused(keyed, map[string]any{"token_endpoint_auth_method": "none"})
	refused(keyed, map[string]any{"jwks": nil})
	refused(keyed, map[string]any{"jwks": map[string]any{"keys": []any{}}})
	refused(keyed, map[string]any{"client_secret": ""})
	refused(keyed, map[string]any{"client_secret": shared.str("client_secret")})
	refused(keyed, map[string]any{"jwks": map[string]any{"keys": []any{jwstest.Members(t, thief.Key)}}})
	refused(shared, theirs)
	refused(public, theirs)

	for _, token := range []string{shared.str("registration_access_token"), "", "x"} {
		said := metadata(theirs)
		said["client_id"] = keyed.str("client_id")
		got := g.sendJSON(http.MethodPut, keyed.str("registration_client_uri"), said, header("Authorization", "Bearer "+token))
		g.requireError(got, http.StatusUnauthorized, "invalid_token")
	}
	g.requireError(thief.refreshes("x"), http.StatusUnauthorized, "invalid_client")
	g.requireError(g.refreshes(keyed, "x"), http.StatusBadRequest, "invalid_grant")
	g.requireError(g.refreshes(shared, "x"), http.StatusBadRequest, "invalid_grant")
	g.requireError(g.refreshes(public, "x"), http.StatusBadRequest, "invalid_grant")
	secret := g.adminPost("/admin/clients/"+keyed.str("client_id")+"/secret", "")
	require.Equal(t, http.StatusBadRequest, secret.StatusCode, secret.text)
}

// What a stranger names is fetched only where an operator has let strangers' documents be fetched, and as those are: never from where an
// operator's own clients may have their keys.
func TestKeysOfAStrangerAtAURLAreFetchedAsDocumentsAre(t *testing.T) {
	there := authztest.NewDocuments(t)
	var paced []netip.Addr
	isPublic := func(netip.Addr) bool { return false }
	fetches := func(allow func(netip.Addr) bool) *registering {
		return newRegistering(t, func(c *authz.Config) {
			c.ClientKeys = there.Source(t, func(d *document.Config) { d.Now = c.Now })
			c.Documents = there.Source(t, func(d *document.Config) {
				d.Now, d.Allow = c.Now, allow
				d.Pace = func(caller netip.Addr) error { paced = append(paced, caller); return nil }
			})
		})
	}
	g := fetches(netip.Addr.IsLoopback)
	a := g.registered(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": there.At, "token_endpoint_auth_signing_alg": "ES256"})
	require.Equal(t, there.At, a.str("jwks_uri"))
	require.NotContains(t, a.json, "jwks")
	require.Zero(t, there.Fetches(), "nothing is fetched for who only registers")
	s := signing{world: g.world, Signer: jwstest.New(t, "ES256"), id: a.str("client_id"), kid: "first"}
	publish(there, s.keySet())
	g.requireError(s.refreshes("x"), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, 1, there.Fetches())
	require.Equal(t, []netip.Addr{netip.MustParseAddr(g.from)}, paced)

	next := s
	next.Signer, next.kid = jwstest.New(t, "ES256"), "second"
	publish(there, next.keySet())
	g.clock.Advance(time.Minute)
	g.requireError(next.refreshes("x"), http.StatusBadRequest, "invalid_grant")
	g.requireError(s.refreshes("x"), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, 2, there.Fetches())

	g.signers[s.id] = s
	b := g.signedIn()
	b.open(g.asks(a))
	require.Equal(t, http.StatusOK, next.redeems(b.sent(b.press("allow")).Get("code")).StatusCode)
	elsewhere := map[string]any{"jwks": nil, "jwks_uri": there.At + "?another"}
	require.Equal(t, http.StatusOK, g.manages(http.MethodPut, a, elsewhere).StatusCode)
	b.open(g.asks(a))
	require.Contains(t, b.page.text, "It describes itself otherwise now", "keys at another URL are another's, perhaps")

	closed := fetches(isPublic)
	a = closed.registered(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": there.At})
	s = signing{world: closed.world, Signer: s.Signer, id: a.str("client_id"), kid: "first"}
	closed.requireError(s.refreshes("x"), http.StatusServiceUnavailable, "temporarily_unavailable")
	require.Equal(t, 2, there.Fetches())
	for _, bad := range []string{"http://app.example/keys", "https://10.0.0.1/keys", "https://app.example:22/keys", "https://app.example/../keys", "https://app.example", "file:///etc/passwd"} {
		refused := closed.registers(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": bad})
		closed.requireError(refused, http.StatusBadRequest, "invalid_client_metadata")
	}
}

// One that has registered itself pushes as everybody does, also when it has to.
func TestAClientThatHasRegisteredItselfPushes(t *testing.T) {
	for _, method := range authMethods {
		g := newRegistering(t)
		a := g.registered(map[string]any{"token_endpoint_auth_method": method, "require_pushed_authorization_requests": true})
		require.Equal(t, true, a.json["require_pushed_authorization_requests"])
		id := a.str("client_id")
		asked := func() map[string][]string {
			return pushing(id, append([]string{"scope", "balance:read"}, pkce...)...)
		}
		b := g.signedIn()
		page := b.open(g.asks(a))
		requirePage(t, page, http.StatusBadRequest)
		require.Empty(t, page.Header.Get("Location"))
		name := g.pushed(g.proves(a, "/oauth/par", asked()))
		requirePage(t, b.open(byName(id, name)), http.StatusOK)
		require.Contains(t, b.page.text, "An app asks for access to your account")
		token := g.redeems(a, b.sent(b.press("allow")).Get("code"))
		require.Equal(t, http.StatusOK, token.StatusCode, token.text)
		if method != "none" {
			g.requireError(g.post("/oauth/par", asked()), http.StatusUnauthorized, "invalid_client")
		}
		other := g.registered(nil)
		requirePage(t, b.open(byName(other.str("client_id"), g.pushed(g.proves(a, "/oauth/par", asked())))), http.StatusBadRequest)

		changed := g.manages(http.MethodPut, a, map[string]any{"token_endpoint_auth_method": method})
		require.Equal(t, http.StatusOK, changed.StatusCode, changed.text)
		require.NotContains(t, changed.json, "require_pushed_authorization_requests")
		requirePage(t, b.open(g.asks(a)), http.StatusOK)
	}
	g := newRegistering(t)
	g.requireError(g.registers(map[string]any{"require_pushed_authorization_requests": "yes"}), http.StatusBadRequest, "invalid_client_metadata")
}

// A document says the same of itself as who registers.
func TestAnAgentSignsWithTheAlgorithmOfItsDocument(t *testing.T) {
	a := newAgents(t)
	key := jwstest.New(t, "RS256")
	s := signing{world: a.world, Signer: key, id: a.documents.At, kid: "first"}
	a.says(map[string]any{
		"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(s.keySet()), "token_endpoint_auth_signing_alg": "PS256",
	})
	push := func(s signing) answer {
		return a.post("/oauth/par", pushing(s.id, append([]string{
			"scope", "balance:read", "client_assertion_type", assertion.Type, "client_assertion", s.assertion(nil, nil),
		}, pkce...)...))
	}
	a.requireError(push(s), http.StatusUnauthorized, "invalid_client")
	s.Algorithm = "PS256"
	require.Equal(t, http.StatusCreated, push(s).StatusCode)
}
