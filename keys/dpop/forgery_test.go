package dpop_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/dpop"
	"gatehouse/keys/jws/jwstest"
)

func TestOnlyTheHeaderOfAProofIsAccepted(t *testing.T) {
	c := newClient(t, "ES256")
	for name, test := range map[string]struct {
		changes map[string]any
		want    error
	}{
		"unchanged":             {nil, nil},
		"a kid":                 {map[string]any{"kid": "x"}, nil},
		"no typ":                {map[string]any{"typ": nil}, dpop.ErrHeader},
		"typ JWT":               {map[string]any{"typ": "JWT"}, dpop.ErrHeader},
		"typ of a token":        {map[string]any{"typ": "at+jwt"}, dpop.ErrHeader},
		"typ that is a list":    {map[string]any{"typ": []string{"dpop+jwt"}}, dpop.ErrHeader},
		"crit":                  {map[string]any{"crit": []string{"exp"}}, dpop.ErrHeader},
		"empty crit":            {map[string]any{"crit": []string{}}, dpop.ErrHeader},
		"unencoded payload":     {map[string]any{"b64": false}, dpop.ErrHeader},
		"no alg":                {map[string]any{"alg": nil}, dpop.ErrAlgorithm},
		"alg none":              {map[string]any{"alg": "none"}, dpop.ErrAlgorithm},
		"alg HS256":             {map[string]any{"alg": "HS256"}, dpop.ErrAlgorithm},
		"alg of another key":    {map[string]any{"alg": "RS256"}, dpop.ErrAlgorithm},
		"alg in lower case":     {map[string]any{"alg": "es256"}, dpop.ErrAlgorithm},
		"alg that is too large": {map[string]any{"alg": "ES384"}, dpop.ErrAlgorithm},
		"no jwk":                {map[string]any{"jwk": nil}, dpop.ErrKey},
		"jwk that is a text":    {map[string]any{"jwk": "x"}, dpop.ErrKey},
		"a key by URL":          {map[string]any{"jwk": nil, "jku": "http://127.0.0.1:1/"}, dpop.ErrKey},
		"a certificate":         {map[string]any{"jwk": nil, "x5c": []string{"x"}}, dpop.ErrKey},
	} {
		t.Run(name, func(t *testing.T) {
			proof := c.Sign(t, encoded(t, c.header(test.changes))+"."+encoded(t, goodClaims(nil)))
			_, err := verifier().Verify(proof, request())
			require.ErrorIs(t, err, test.want)
			if test.want != nil {
				require.ErrorIs(t, err, dpop.ErrInvalidProof)
			}
		})
	}
}

func TestOnlyAPublicKeyIsAccepted(t *testing.T) {
	c := newClient(t, "ES256")
	inProof := func(c client, changes map[string]any) string {
		key := jwstest.Changed(maps.Clone(c.jwk), changes)
		return c.Sign(t, encoded(t, c.header(map[string]any{"jwk": key}))+"."+encoded(t, goodClaims(nil)))
	}
	leadingZero := base64.RawURLEncoding.EncodeToString(make([]byte, 1)) // of a number, and of a point

	for name, test := range map[string]struct {
		changes map[string]any
		want    error
	}{
		"with members that WebCrypto adds": {map[string]any{"ext": true, "key_ops": []string{"verify"}, "kid": "x", "use": "sig", "alg": "ES256"}, nil},
		"private":                          {jwstest.Members(t, c.Key), dpop.ErrKey},
		"a private member without a value": {map[string]any{"d": ""}, dpop.ErrKey},
		"for encryption":                   {map[string]any{"use": "enc"}, dpop.ErrKey},
		"for another alg":                  {map[string]any{"alg": "ES384"}, dpop.ErrAlgorithm},
		"of an unknown kind":               {map[string]any{"kty": "XX"}, dpop.ErrKey},
		"symmetric":                        {map[string]any{"kty": "oct", "k": "AAAA"}, dpop.ErrKey},
		"on an unknown curve":              {map[string]any{"crv": "P-384"}, dpop.ErrKey},
		"not on the curve":                 {map[string]any{"x": c.jwk["y"]}, dpop.ErrKey},
		"at infinity":                      {map[string]any{"x": encodedText(make([]byte, 32)), "y": encodedText(make([]byte, 32))}, dpop.ErrKey},
		"without y":                        {map[string]any{"y": nil}, dpop.ErrKey},
		"with a longer x":                  {map[string]any{"x": leadingZero + c.jwk["x"].(string)}, dpop.ErrKey},
		"with padding":                     {map[string]any{"x": c.jwk["x"].(string) + "="}, dpop.ErrKey},
		"with a line break":                {map[string]any{"x": c.jwk["x"].(string) + "\n"}, dpop.ErrKey},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verifier().Verify(inProof(c, test.changes), request())
			require.ErrorIs(t, err, test.want)
		})
	}

	t.Run("RSA", func(t *testing.T) {
		c := newClient(t, "RS256")
		modulus := c.Key.(*rsa.PrivateKey).N
		for name, changes := range map[string]map[string]any{
			"without e":                 {"e": nil},
			"with an even e":            {"e": encodedText([]byte{2})},
			"with e 1":                  {"e": encodedText([]byte{1})},
			"with a huge e":             {"e": encodedText([]byte{1, 0, 0, 0, 1})},
			"with e spelled in another": {"e": encodedText([]byte{0, 1, 0, 1})},
			"with n spelled in another": {"n": encodedText(append([]byte{0}, modulus.Bytes()...))},
			"with primes":               {"p": "AQ", "q": "AQ"},
			"too large":                 {"n": encodedText(append([]byte{1}, make([]byte, 600)...))},
		} {
			_, err := verifier().Verify(inProof(c, changes), request())
			require.ErrorIs(t, err, dpop.ErrKey, name)
		}
		small, err := rsa.GenerateKey(rand.Reader, 1024)
		require.NoError(t, err)
		_, err = verifier().Verify(inProof(client{Signer: jwstest.Signer{Algorithm: "RS256", Key: small}, jwk: jwstest.Members(t, small.Public())}, nil), request())
		require.ErrorIs(t, err, dpop.ErrKey, "too small")
	})

	t.Run("P-384", func(t *testing.T) {
		c := newClient(t, "ES384")
		_, err := verifier().Verify(inProof(c, nil), request())
		require.ErrorIs(t, err, dpop.ErrAlgorithm)
	})
}

func TestASignatureIsByTheKeyOfTheProof(t *testing.T) {
	for _, alg := range dpop.Algorithms() {
		c, thief := newClient(t, alg), newClient(t, alg)
		input := encoded(t, c.header(nil)) + "." + encoded(t, goodClaims(nil))
		good := c.Sign(t, input)
		_, err := verifier().Verify(good, request())
		require.NoError(t, err, alg)

		publicText, err := json.Marshal(c.jwk)
		require.NoError(t, err)
		signature := good[len(input)+1:]
		other := c.proof(t, goodClaims(map[string]any{"jti": "two"}))
		for name, proof := range map[string]string{
			"another key's":           thief.Sign(t, input),
			"none":                    input + ".",
			"of another proof":        input + other[strings.LastIndex(other, "."):],
			"HMAC with the key":       jwstest.HS256(publicText, input),
			"shorter":                 input + "." + signature[:len(signature)-4],
			"longer":                  input + "." + signature + "AAAA",
			"zeros":                   input + "." + strings.Repeat("A", len(signature)),
			"claims of another proof": encoded(t, c.header(nil)) + "." + strings.Split(other, ".")[1] + "." + signature,
		} {
			_, err := verifier().Verify(proof, request())
			require.ErrorIs(t, err, dpop.ErrInvalidProof, "%s, %s", alg, name)
		}
	}
}

// TestAnAlgorithmCannotBeChosenForAKey: a key of P-256 that is small as a secret of HMAC, and a signature of one RSA scheme under
// the name of the other.
func TestAnAlgorithmCannotBeChosenForAKey(t *testing.T) {
	c := newClient(t, "ES256")
	secret, err := c.Key.(*ecdsa.PrivateKey).PublicKey.Bytes()
	require.NoError(t, err)
	for _, alg := range []string{"HS256", "HS384", "HS512", "none", ""} {
		input := encoded(t, c.header(map[string]any{"alg": alg})) + "." + encoded(t, goodClaims(nil))
		_, err := verifier().Verify(jwstest.HS256(secret, input), request())
		require.ErrorIs(t, err, dpop.ErrAlgorithm, alg)
	}
	rs := newClient(t, "RS256")
	input := encoded(t, rs.header(map[string]any{"alg": "PS256"})) + "." + encoded(t, goodClaims(nil))
	_, err = verifier().Verify(rs.Sign(t, input), request())
	require.ErrorIs(t, err, dpop.ErrSignature)
}

func TestAProofHasTheCompactForm(t *testing.T) {
	c := newClient(t, "ES256")
	good := c.proof(t, goodClaims(nil))
	parts := strings.Split(good, ".")
	header, claims := []byte(decoded(t, parts[0])), decoded(t, parts[1])
	withClaims := func(text string) string { return c.Sign(t, parts[0]+"."+encodedText([]byte(text))) }
	withHeader := func(text string) string { return c.Sign(t, encodedText([]byte(text))+"."+parts[1]) }
	again := func(object, member string) string { return object[:len(object)-1] + "," + member + "}" }
	key, err := json.Marshal(c.jwk)
	require.NoError(t, err)

	for name, proof := range map[string]string{
		"empty":                     "",
		"two parts":                 parts[0] + "." + parts[1],
		"four parts":                good + "." + parts[2],
		"two proofs":                good + "," + good,
		"padding":                   good + "=",
		"a space before":            " " + good,
		"a line break after":        good + "\n",
		"a line break within":       parts[0] + ".\n" + parts[1] + "." + parts[2],
		"JSON":                      `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"a jti twice":               withClaims(again(claims, `"jti":"two"`)),
		"a jti twice, spelled anew": withClaims(again(claims, `"\u006ati":"two"`)),
		"an alg twice":              withHeader(again(string(header), `"alg":"none"`)),
		"a key twice":               withHeader(again(string(header), `"jwk":`+string(key))),
		"a key with x twice":        withHeader(strings.Replace(string(header), `"x":`, `"x":"AAAA","x":`, 1)),
		"claims that are a list":    withClaims("[" + claims + "]"),
		"claims and more":           withClaims(claims + claims),
		"claims that are null":      withClaims("null"),
		"larger than it may be":     c.proof(t, goodClaims(map[string]any{"x": strings.Repeat("x", dpop.MaxSize)})),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verifier().Verify(proof, request())
			require.ErrorIs(t, err, dpop.ErrMalformed)
		})
	}
	_, err = verifier().Verify(withClaims(" "+claims+"\n"), request())
	require.NoError(t, err, "a proof need not have one spelling")
}

func decoded(t *testing.T, text string) string {
	t.Helper()
	plain, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	return string(plain)
}
