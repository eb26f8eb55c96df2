package jws_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/jws"
	"gatehouse/keys/jws/jwstest"
	"gatehouse/keys/strictjson"
)

// set is a key set with members of each key.
func set(t *testing.T, keys ...map[string]any) strictjson.Object {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	require.NoError(t, err)
	o, err := strictjson.Parse(text)
	require.NoError(t, err)
	return o
}

func TestASetHasTheKeysThatCanVerify(t *testing.T) {
	point, large, edwards := jwstest.New(t, "ES256"), jwstest.New(t, "ES384"), jwstest.New(t, "EdDSA")
	keys, err := jws.ParseSet(set(t,
		point.JWK(t, map[string]any{"kid": "signs", "alg": "ES256", "use": "sig"}),
		point.JWK(t, map[string]any{"kid": "encrypts", "use": "enc"}),
		large.JWK(t, map[string]any{"kid": "of another curve"}),
		map[string]any{"kty": "quantum"},
		edwards.JWK(t, nil),
	))
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.Equal(t, "signs", keys[0].ID)
	require.True(t, keys[0].Fits("ES256"))
	require.False(t, keys[0].Fits("RS256"))
	require.Empty(t, keys[1].ID)
	require.True(t, keys[1].Fits("EdDSA"))
	require.True(t, keys[1].Fits("Ed25519"), "another name of the same")

	own, err := jws.ParseSet(set(t, edwards.JWK(t, map[string]any{"alg": "EdDSA"})))
	require.NoError(t, err)
	require.False(t, own[0].Fits("Ed25519"), "a key that names its algorithm has that alone")
}

func TestASetThatIsNotOfPublicKeysIsRefused(t *testing.T) {
	point := jwstest.New(t, "ES256")
	good := point.JWK(t, nil)
	many := make([]map[string]any, jws.MaxKeys+1)
	for i := range many {
		many[i] = good
	}
	for name, refused := range map[string]strictjson.Object{
		"no keys":              {},
		"an empty set":         set(t),
		"a private key":        set(t, good, jwstest.Members(t, point.Key)),
		"a secret":             set(t, good, map[string]any{"kty": "oct", "k": "AAAA"}),
		"a secret without k":   set(t, map[string]any{"kty": "XX", "d": ""}),
		"more than there may":  set(t, many...),
		"keys of another kind": {"keys": json.RawMessage(`"x"`)},
	} {
		_, err := jws.ParseSet(refused)
		require.Error(t, err, name)
		require.NotContains(t, strings.ToLower(err.Error()), "aaaa", name)
	}
	_, err := jws.ParseSet(set(t, many[1:]...))
	require.NoError(t, err)
}
