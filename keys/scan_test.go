package keys

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// payloads are read alike by both readers, or by encoding/json alone.
var payloads = []string{
	`{"iss":"i","sub":"1","aud":["a","b"],"client_id":"c","scope":"x y","iat":1,"exp":2,"nbf":3,"jti":"j","grant_id":"g"}`,
	`{"aud":"a"}`, `{"aud":[]}`, `{"aud":null}`, `{"aud":["a"],"aud":["b"]}`, `{"aud":[1]}`, `{"aud":["a",]}`,
	`{}`, ``, `null`, `[]`, `{"sub":"1"} `, `{"sub":"1"}{"sub":"2"}`, `{"sub":"1",}`, `{ "sub":"1"}`, `{"sub":"1"`,
	`{"sub":"1","sub":"2"}`, `{"sub":"","sub":"2"}`, `{"sub":"2","sub":""}`, `{"sub":""}`, `{"aud":""}`, `{"aud":["a",""]}`, `{"SUB":"1"}`, `{"sub":"1","Sub":"2"}`,
	`{"sub":1}`, `{"sub":null}`, `{"sub":"\u0031"}`, `{"sub":"a\"b"}`, `{"sub":"é"}`, "{\"sub\":\"\xff\"}", "{\"sub\":\"a\nb\"}",
	`{"iat":01}`, `{"iat":-1}`, `{"iat":1.5}`, `{"iat":1e3}`, `{"iat":"1"}`, `{"iat":0}`, `{"iat":}`, `{"iat":1,"iat":2}`,
	`{"iat":999999999999999999}`, `{"iat":9223372036854775807}`, `{"iat":9223372036854775808}`,
	`{"unknown":"x","sub":"1"}`, `{"sub":"1","cnf":{"jkt":"x"}}`, bound, `{"cnf":{}}`, `{"cnf":null}`, `{"cnf":"x"}`, `{"cnf":{"jkt":1}}`,
	strings.Replace(bound, "}", `,"x5t#S256":"x"}`, 1), strings.Replace(bound, "jkt", "JKT", 1), strings.Replace(bound, `:{`, `: {`, 1),
	strings.Replace(bound, `{"jkt"`, `{"jkt":"x","jkt"`, 1), strings.TrimSuffix(bound, "}") + `,"cnf":{"jkt":"y"}}`,
}

// bound is what this issuer writes into a token that is bound to a key.
const bound = `{"cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},"sub":"1"}`

func requireReadAlike(t *testing.T, body []byte) {
	var scanned, decoded payload
	if !scanned.scan(body) {
		return
	}
	require.NoError(t, json.Unmarshal(body, &decoded), "%q", body)
	require.True(t, readsOneWay(body), "%q", body)
	require.Equal(t, decoded, scanned, "%q", body)
}

func TestWhatIsScannedIsWhatJSONSays(t *testing.T) {
	for _, body := range payloads {
		requireReadAlike(t, []byte(body))
	}
	var p payload
	require.True(t, p.scan([]byte(payloads[0])), "what this issuer writes")
	require.True(t, new(payload).scan([]byte(bound)), "what this issuer writes")
}

func FuzzPayload(f *testing.F) {
	for _, body := range payloads {
		f.Add([]byte(body))
	}
	f.Fuzz(requireReadAlike)
}
