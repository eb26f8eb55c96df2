package keys_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

// Of a good signature's two values of s the lower one alone is accepted, and nothing of another length.
func TestES256Wycheproof(t *testing.T) {
	document, err := os.ReadFile("internal/fastsig/testdata/wycheproof_es256.json")
	require.NoError(t, err)
	var vectors struct {
		Groups []struct {
			Key   string
			Tests []struct {
				ID                        int `json:"tcId"`
				Comment, Msg, Sig, Result string
			}
		}
	}
	require.NoError(t, json.Unmarshal(document, &vectors))
	fromHex := func(text string) []byte {
		decoded, err := hex.DecodeString(text)
		require.NoError(t, err)
		return decoded
	}
	half := new(big.Int).Rsh(elliptic.P256().Params().N, 1)
	accepted := 0
	for _, group := range vectors.Groups {
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), fromHex(group.Key))
		require.NoError(t, err)
		for _, test := range group.Tests {
			signature := fromHex(test.Sig)
			good := test.Result == "valid" && len(signature) == 64 && new(big.Int).SetBytes(signature[32:]).Cmp(half) <= 0
			require.Equal(t, good, keys.VerifyES256(public, fromHex(test.Msg), signature), "%d: %s", test.ID, test.Comment)
			if good {
				accepted++
			}
		}
	}
	require.Greater(t, accepted, 50)
}
