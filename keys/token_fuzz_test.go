package keys_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

// signedTokens are tokens that were signed once, one with each algorithm, and the keys to verify them. They are kept,
// because inputs that a fuzzer finds are spellings of these very tokens.
type signedTokens struct {
	JWKS   json.RawMessage
	Tokens []string
	// IssuedAt lies within the tokens' lives.
	IssuedAt time.Time
}

func readSignedTokens(tb testing.TB) signedTokens {
	tb.Helper()
	document, err := os.ReadFile("testdata/tokens.json")
	require.NoError(tb, err)
	var s signedTokens
	require.NoError(tb, json.Unmarshal(document, &s))
	return s
}

// FuzzTokenSpelling alters tokens that were signed: only what is one of them byte for byte is accepted.
func FuzzTokenSpelling(f *testing.F) {
	s := readSignedTokens(f)
	public, err := keys.ParseJWKS(s.JWKS)
	require.NoError(f, err)
	verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: public, Now: func() time.Time { return s.IssuedAt }}
	for i, token := range s.Tokens {
		f.Add(token)
		parts := strings.Split(token, ".")
		f.Add(token + "=")
		f.Add(token + "\n")
		f.Add(strings.Replace(token, ".", ".\n", 1))
		f.Add(standardAlphabet(token))
		f.Add(token[:len(token)-1] + "B")
		f.Add(parts[0] + "." + parts[1] + ".")
		f.Add(parts[0] + ".." + parts[2])
		f.Add(token + "." + parts[2])
		f.Add(`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`)
		f.Add(parts[0] + "." + parts[1] + "." + strings.Split(s.Tokens[(i+1)%len(s.Tokens)], ".")[2])
	}
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := verifier.Verify([]byte(token))
		if slices.Contains(s.Tokens, token) {
			require.NoError(t, err)
			require.Equal(t, "7", claims.Subject)
			return
		}
		require.ErrorIs(t, err, keys.ErrInvalidToken)
		require.Nil(t, claims)
	})
}

// FuzzTokenContents signs whatever header and claims there are, as an issuer with a bug would: what is accepted says the
// same to jwx, and so to whoever else verifies the token.
func FuzzTokenContents(f *testing.F) {
	now := time.Unix(1_900_000_000, 0)
	key, err := keys.Generate(keys.EdDSA)
	require.NoError(f, err)
	ring, err := keys.NewRing(key)
	require.NoError(f, err)
	document, _ := ring.JWKS()
	set, err := jwk.Parse(document)
	require.NoError(f, err)
	verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: ring, Now: func() time.Time { return now }}

	header := `{"alg":"EdDSA","kid":"KID","typ":"at+jwt"}`
	claims := `{"iss":"ISS","aud":["ISS"],"sub":"7","client_id":"app","jti":"j","grant_id":"g","scope":"a b","iat":1900000000,"exp":1900000100}`
	for _, change := range [][2]string{
		{"", ""}, {`"7"`, `"7","sub":"8"`}, {`"7"`, `"7","SUB":"8"`}, {`"7"`, `7`}, {`"7"`, `"\ud800"`}, {`"7"`, `"\u0037"`},
		{`["ISS"]`, `"ISS"`}, {`["ISS"]`, `["a","ISS"]`}, {`["ISS"]`, `null`}, {`["ISS"]`, `["ISS",null]`},
		{`1900000100`, `1900000100.5`}, {`1900000100`, `1.9000001e9`}, {`1900000100`, `"1900000100"`}, {`1900000100`, `1e400`},
		{`1900000100`, `9223372036854775807`}, {`1900000000`, `-62135596801`}, {`1900000000`, `1900000050`},
		{`"a b"`, `"a  b"`}, {`"a b"`, `"a\tb"`}, {`"a b"`, `["a","b"]`}, {`"a b"`, `"a\u00a0b"`}, {`}`, `,"nbf":1900000050}`}, {`}`, `} `}, {`}`, `}}`},
	} {
		f.Add([]byte(header), []byte(strings.Replace(claims, change[0], change[1], 1)))
	}
	for _, change := range [][2]string{
		{`}`, `,"crit":["exp"]}`}, {`}`, `,"b64":false}`}, {`"EdDSA"`, `"none"`}, {`"alg"`, `"ALG"`}, {`}`, `,"alg":"none"}`},
		{`"at+jwt"`, `"JWT"`}, {`}`, `,"KID":"other"}`}, {`}`, `}{}`}, {`}`, `} `}, {`"KID"`, `"KID","kid":"KID"`},
	} {
		f.Add([]byte(strings.Replace(header, change[0], change[1], 1)), []byte(claims))
	}
	f.Fuzz(func(t *testing.T, header, claims []byte) {
		named := strings.NewReplacer("KID", key.ID(), "ISS", issuer)
		token, err := key.SignRaw([]byte(named.Replace(string(header))), []byte(named.Replace(string(claims))))
		require.NoError(t, err)
		got, err := verifier.Verify([]byte(token))
		if err != nil {
			require.ErrorIs(t, err, keys.ErrInvalidToken)
			return
		}
		want, err := jwt.ParseString(token, jwt.WithKeySet(set), jwt.WithIssuer(issuer), jwt.WithAudience(issuer),
			jwt.WithClock(jwt.ClockFunc(func() time.Time { return now })), jwt.WithRequiredClaim("jti"), jwt.WithRequiredClaim("exp"))
		require.NoError(t, err, "%s", claims)
		require.Equal(t, want.Issuer(), got.Issuer)
		require.Equal(t, want.Subject(), got.Subject)
		require.Equal(t, want.Audience(), got.Audience)
		require.Equal(t, want.JwtID(), got.ID)
		require.Equal(t, want.IssuedAt().Unix(), got.IssuedAt.Unix())
		require.Equal(t, want.Expiration().Unix(), got.ExpiresAt.Unix())
		require.Equal(t, text(want, "client_id"), got.ClientID)
		require.Equal(t, text(want, "grant_id"), got.GrantID)
		require.Equal(t, text(want, "scope"), strings.Join(got.Scopes, " "))
	})
}

func text(token jwt.Token, name string) string {
	value, _ := token.Get(name)
	text, _ := value.(string)
	return text
}
