package dpop_test

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/stretchr/testify/require"
)

// FuzzProof signs whatever header and claims there are: what is accepted says the same to jwx, which knows nothing of DPoP.
func FuzzProof(f *testing.F) {
	c := newClient(f, "EdDSA")
	x := c.jwk["x"].(string)
	header := `{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"X"}}`
	claims := `{"jti":"one","htm":"POST","htu":"https://api.example.com/v2/payments","iat":1900000000,"ath":"ATH"}`
	for _, change := range [][2]string{
		{"", ""}, {`"one"`, `"one","jti":"two"`}, {`"one"`, `"\u006fne"`}, {`"one"`, `1`}, {`"one"`, `"\ud800"`}, {`1900000000`, `19e8`},
		{`1900000000`, `1900000000.9`}, {`1900000000`, `"1900000000"`}, {`1900000000`, `1e400`}, {`"htm"`, `"HTM"`}, {`}`, `,"exp":1900000001}`},
		{`}`, `,"nbf":1900000009}`}, {`https://`, `HTTPS://`}, {`/v2/`, `/x/../v2/`}, {`/v2/`, `/%76%32/`}, {`payments`, `payments?a#b`},
	} {
		f.Add([]byte(header), []byte(strings.Replace(claims, change[0], change[1], 1)), "")
	}
	for _, change := range [][2]string{
		{`}}`, `},"crit":["exp"]}`}, {`}}`, `},"b64":false}`}, {`"EdDSA"`, `"none"`}, {`"EdDSA"`, `"HS256"`}, {`"EdDSA"`, `"Ed25519"`}, {`"alg"`, `"ALG"`},
		{`"X"`, `"X","d":"X"`}, {`"X"`, `"X","x":"X"`}, {`"OKP"`, `"oct","k":"X"`}, {`}}`, `}} `}, {`}}`, `}}{}`},
	} {
		f.Add([]byte(strings.Replace(header, change[0], change[1], 1)), []byte(claims), "")
	}
	for _, suffix := range []string{"=", "\n", ".", "A", ".e30", ",x"} {
		f.Add([]byte(header), []byte(claims), suffix)
	}
	f.Fuzz(func(t *testing.T, header, claims []byte, suffix string) {
		named := strings.NewReplacer("X", x, "ATH", hashOf(token))
		headerText, claimsText := named.Replace(string(header)), named.Replace(string(claims))
		proof := c.Sign(t, encodedText([]byte(headerText))+"."+encodedText([]byte(claimsText))) + suffix
		got, err := verifier().Verify(proof, request())
		if err != nil {
			require.Empty(t, got)
			return
		}
		require.Empty(t, suffix)
		require.Equal(t, c.thumbprint, got.Thumbprint)

		parsed, err := jws.ParseString(proof)
		require.NoError(t, err)
		protected := parsed.Signatures()[0].ProtectedHeaders()
		require.Equal(t, "dpop+jwt", protected.Type())
		require.Empty(t, protected.Critical())
		sum, err := protected.JWK().Thumbprint(crypto.SHA256)
		require.NoError(t, err)
		require.Equal(t, got.Thumbprint, base64.RawURLEncoding.EncodeToString(sum))
		private, err := jwk.IsPrivateKey(protected.JWK())
		require.NoError(t, err)
		require.False(t, private)
		input, signature := proof[:strings.LastIndex(proof, ".")], parsed.Signatures()[0].Signature()
		require.True(t, ed25519.Verify(c.Key.Public().(ed25519.PublicKey), []byte(input), signature))
		payload := parsed.Payload()
		var said struct {
			ID     string `json:"jti"`
			Method string `json:"htm"`
		}
		require.NoError(t, json.Unmarshal(payload, &said))
		require.Equal(t, said.ID, got.ID)
		require.Equal(t, method, said.Method)
		if read, err := jwt.ParseInsecure(payload); err == nil {
			require.Less(t, now.Sub(read.IssuedAt()).Abs().Seconds(), 61.0)
		}
	})
}
