package keys_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

// privateKey takes the raw private key out of a sealed one, as an issuer with a bug or a stolen key would have it.
func privateKey(t *testing.T, key *keys.Key) any {
	t.Helper()
	sealed, err := keys.Seal(key, "s")
	require.NoError(t, err)
	plain, err := jwe.Decrypt([]byte(sealed), jwe.WithKey(jwa.DIRECT, keys.Derive("s", "signing key seal")))
	require.NoError(t, err)
	parsed, err := jwk.ParseKey(plain)
	require.NoError(t, err)
	var raw any
	require.NoError(t, parsed.Raw(&raw))
	return raw
}

// signedWith signs any header and claims with the ring's own key: the signature is good, only the contents are not.
func signedWith(t *testing.T, key *keys.Key, header, claims map[string]any) string {
	t.Helper()
	input := encode(t, header) + "." + encode(t, claims)
	private := privateKey(t, key).(*ecdsa.PrivateKey)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
	require.NoError(t, err)
	order := elliptic.P256().Params().N
	if s.Cmp(new(big.Int).Rsh(order, 1)) > 0 {
		s.Sub(order, s)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func goodHeader(key *keys.Key, changes map[string]any) map[string]any {
	header := map[string]any{"alg": key.Algorithm(), "kid": key.ID(), "typ": keys.TypeAccessToken}
	for name, value := range changes {
		if value == nil {
			delete(header, name)
			continue
		}
		header[name] = value
	}
	return header
}

func TestOnlyTheHeaderOfAnAccessTokenIsAccepted(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	_, err := verifier.Verify([]byte(signedWith(t, key, goodHeader(key, nil), goodClaims(nil))))
	require.NoError(t, err, "the unchanged token is good")

	for name, changes := range map[string]map[string]any{
		"no typ":              {"typ": nil},
		"typ JWT":             {"typ": "JWT"},
		"typ in capitals":     {"typ": "AT+JWT"},
		"typ of an id token":  {"typ": "id+jwt"},
		"no kid":              {"kid": nil},
		"empty kid":           {"kid": ""},
		"unknown kid":         {"kid": "another"},
		"kid with a path":     {"kid": "../../dev/null"},
		"no alg":              {"alg": nil},
		"alg none":            {"alg": "none"},
		"alg HS256":           {"alg": "HS256"},
		"alg of another kind": {"alg": "RS256"},
		"alg ES384":           {"alg": "ES384"},
		"crit":                {"crit": []string{"exp"}, "exp": 1},
		"unknown crit":        {"crit": []string{"x"}, "x": true},
		"unencoded payload":   {"b64": false},
		"embedded key":        {"jwk": map[string]any{"kty": "EC"}},
		"key URL":             {"jku": "http://127.0.0.1:1/"},
		"certificate":         {"x5c": []string{"x"}},
		"nested":              {"cty": "JWT"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verifier.Verify([]byte(signedWith(t, key, goodHeader(key, changes), goodClaims(nil))))
			require.ErrorIs(t, err, keys.ErrInvalidToken)
		})
	}
}

func TestClaimsThatAreMissingOrWrongAreRefused(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	now := time.Now()
	for name, test := range map[string]struct {
		changes map[string]any
		want    error
	}{
		"no exp":             {map[string]any{"exp": nil}, keys.ErrMissingClaim},
		"no iat":             {map[string]any{"iat": nil}, keys.ErrMissingClaim},
		"no jti":             {map[string]any{"jti": nil}, keys.ErrMissingClaim},
		"empty jti":          {map[string]any{"jti": ""}, keys.ErrMissingClaim},
		"no sub":             {map[string]any{"sub": nil}, keys.ErrMissingClaim},
		"no client":          {map[string]any{"client_id": nil}, keys.ErrMissingClaim},
		"no iss":             {map[string]any{"iss": nil}, keys.ErrMissingClaim},
		"no aud":             {map[string]any{"aud": nil}, keys.ErrMissingClaim},
		"empty aud":          {map[string]any{"aud": []string{}}, keys.ErrMissingClaim},
		"other iss":          {map[string]any{"iss": "https://evil.example"}, keys.ErrIssuer},
		"iss with a slash":   {map[string]any{"iss": issuer + "/"}, keys.ErrIssuer},
		"other aud":          {map[string]any{"aud": []string{"https://evil.example"}}, keys.ErrAudience},
		"other aud, string":  {map[string]any{"aud": "https://evil.example"}, keys.ErrAudience},
		"expired":            {map[string]any{"exp": now.Add(-time.Second).Unix()}, keys.ErrExpired},
		"exp 0":              {map[string]any{"exp": 0}, keys.ErrExpired},
		"exp as a string":    {map[string]any{"exp": "9999999999"}, keys.ErrMalformed},
		"exp beyond int64":   {map[string]any{"exp": 1e300}, keys.ErrMalformed},
		"exp as a fraction":  {map[string]any{"exp": 9999999999.5}, keys.ErrMalformed},
		"issued tomorrow":    {map[string]any{"iat": now.Add(24 * time.Hour).Unix()}, keys.ErrNotYetValid},
		"not before tonight": {map[string]any{"nbf": now.Add(time.Hour).Unix()}, keys.ErrNotYetValid},
		"scope as a list":    {map[string]any{"scope": []string{"balance:read"}}, keys.ErrMalformed},
		"sub as a number":    {map[string]any{"sub": 12345}, keys.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verifier.Verify([]byte(signed(t, key, goodClaims(test.changes))))
			require.ErrorIs(t, err, test.want)
			require.ErrorIs(t, err, keys.ErrInvalidToken)
		})
	}
	_, err := verifier.Verify([]byte(signed(t, key, goodClaims(map[string]any{"aud": issuer}))))
	require.NoError(t, err, "one audience may be written without the array")
}

func TestExpiryIsExactAndLeewayOnlyForgivesTheIssuersClock(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	start := time.Unix(1_900_000_000, 0)
	token := signed(t, key, goodClaims(map[string]any{"iat": start.Unix(), "exp": start.Add(time.Minute).Unix()}))
	for _, test := range []struct {
		now    time.Duration
		leeway time.Duration
		want   error
	}{
		{-time.Second, 0, keys.ErrNotYetValid},
		{-time.Second, time.Second, nil},
		{-31 * time.Second, 30 * time.Second, keys.ErrNotYetValid},
		{0, 0, nil},
		{time.Minute - time.Nanosecond, 0, nil},
		{time.Minute, 0, keys.ErrExpired},
		{time.Minute, time.Hour, keys.ErrExpired},
	} {
		verifier.Now = func() time.Time { return start.Add(test.now) }
		verifier.Leeway = test.leeway
		_, err := verifier.Verify([]byte(token))
		require.ErrorIs(t, err, test.want, "%v after issue with leeway %v", test.now, test.leeway)
	}
}

func TestForgedSignaturesAreRefused(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	ring := verifier.Keys.(*keys.Ring)
	public, err := ring.PublicKey(key.ID())
	require.NoError(t, err)
	document, _ := ring.JWKS()

	hs256 := func(secret []byte) string {
		input := encode(t, goodHeader(key, map[string]any{"alg": "HS256"})) + "." + encode(t, goodClaims(nil))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	good := signed(t, key, goodClaims(nil))
	_, err = verifier.Verify([]byte(good))
	require.NoError(t, err, "from here on signatures are checked with a table")
	input := good[:strings.LastIndexByte(good, '.')]
	_, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)

	for name, token := range map[string]string{
		"alg none, empty signature": encode(t, goodHeader(key, map[string]any{"alg": "none"})) + "." + encode(t, goodClaims(nil)) + ".",
		"alg none, old signature":   encode(t, goodHeader(key, map[string]any{"alg": "none"})) + good[strings.IndexByte(good, '.'):],
		"HS256 with the JWKS":       hs256(document),
		"HS256 with the kid":        hs256([]byte(public.ID)),
		"another key, same kid":     resigned(t, key, newKey(t, keys.ES256)),
		"another algorithm's key":   resigned(t, key, newKey(t, keys.EdDSA)),
		"zero signature":            input + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"short signature":           input + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 63)),
		"Ed25519 signature":         input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(edPrivate, []byte(input))),
		"changed claims":            resignedClaims(t, good, goodClaims(map[string]any{"sub": "1"})),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verifier.Verify([]byte(token))
			require.ErrorIs(t, err, keys.ErrInvalidToken)
		})
	}
}

// resigned is a token that names victim's kid and alg but was signed by attacker.
func resigned(t *testing.T, victim, attacker *keys.Key) string {
	t.Helper()
	payload := []byte(`{}`)
	headers := jws.NewHeaders()
	require.NoError(t, headers.Set("kid", victim.ID()))
	require.NoError(t, headers.Set("typ", keys.TypeAccessToken))
	token, err := jws.Sign(payload, jws.WithKey(jwa.SignatureAlgorithm(attacker.Algorithm()), privateKey(t, attacker),
		jws.WithProtectedHeaders(headers)))
	require.NoError(t, err)
	parts := strings.Split(string(token), ".")
	return encode(t, goodHeader(victim, nil)) + "." + encode(t, goodClaims(nil)) + "." + parts[2]
}

func resignedClaims(t *testing.T, token string, claims map[string]any) string {
	t.Helper()
	parts := strings.Split(token, ".")
	return parts[0] + "." + encode(t, claims) + "." + parts[2]
}

func TestEverySpellingButTheCanonicalOneIsRefused(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(alg, func(t *testing.T) {
			key := newKey(t, alg)
			verifier := newVerifier(t, key)
			good := signed(t, key, goodClaims(nil))
			_, err := verifier.Verify([]byte(good))
			require.NoError(t, err)

			parts := strings.Split(good, ".")
			spellings := map[string]string{
				"empty":             "",
				"only dots":         "..",
				"two parts":         parts[0] + "." + parts[1],
				"four parts":        good + "." + parts[2],
				"no signature":      parts[0] + "." + parts[1] + ".",
				"leading space":     " " + good,
				"trailing space":    good + " ",
				"trailing newline":  good + "\n",
				"padding":           good + "=",
				"two paddings":      good + "==",
				"NUL":               good + "\x00",
				"JSON":              `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
				"oversize":          good + strings.Repeat("A", 10_000),
				"unicode dot":       strings.Replace(good, ".", "․", 1),
				"standard alphabet": standardAlphabet(good),
			}
			for _, between := range []string{"\n", "\r", "\r\n", " ", "\t", "=", "+", "/", "."} {
				for i, name := range []string{"header", "claims", "signature"} {
					altered := slices.Clone(parts)
					altered[i] = altered[i][:4] + between + altered[i][4:]
					spellings[fmt.Sprintf("%q in the %s", between, name)] = strings.Join(altered, ".")
				}
			}
			for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
				if altered := good[:len(good)-1] + string(last); altered != good {
					spellings["last character "+string(last)] = altered
				}
			}
			for name, spelling := range spellings {
				_, err := verifier.Verify([]byte(spelling))
				require.ErrorIs(t, err, keys.ErrInvalidToken, name)
				require.NotContains(t, err.Error(), parts[2], "an error must not carry the token into a log")
			}
		})
	}
}

// standardAlphabet rewrites a token in the other base64 alphabet; a token without a - or _ is marked so that it differs.
func standardAlphabet(token string) string {
	rewritten := strings.NewReplacer("-", "+", "_", "/").Replace(token)
	if rewritten == token {
		return token + "+"
	}
	return rewritten
}

func TestTheOtherHalfOfAnES256SignatureIsRefused(t *testing.T) {
	key := newKey(t, keys.ES256)
	verifier := newVerifier(t, key)
	for range 32 { // a signer that did not choose the low s would be caught here in all but 2^-32 of the runs
		good := signed(t, key, goodClaims(nil))
		_, err := verifier.Verify([]byte(good))
		require.NoError(t, err)

		cut := strings.LastIndexByte(good, '.') + 1
		signature, err := base64.RawURLEncoding.DecodeString(good[cut:])
		require.NoError(t, err)
		s := new(big.Int).SetBytes(signature[32:])
		s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
		_, err = verifier.Verify([]byte(good[:cut] + base64.RawURLEncoding.EncodeToString(signature)))
		require.ErrorIs(t, err, keys.ErrSignature)
	}
}
