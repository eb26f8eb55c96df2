package fastsig_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/internal/fastsig"
)

// wycheproof are test vectors of the project of that name.
type wycheproof struct {
	Groups []struct {
		Key, N, E string
		Tests     []struct {
			ID                        int `json:"tcId"`
			Comment, Msg, Sig, Result string
		}
	}
}

func readWycheproof(tb testing.TB, path string) wycheproof {
	tb.Helper()
	document, err := os.ReadFile(path)
	require.NoError(tb, err)
	var vectors wycheproof
	require.NoError(tb, json.Unmarshal(document, &vectors))
	require.NotEmpty(tb, vectors.Groups)
	return vectors
}

func hexBytes(tb testing.TB, text string) []byte {
	tb.Helper()
	decoded, err := hex.DecodeString(text)
	require.NoError(tb, err)
	return decoded
}

func TestP256Wycheproof(t *testing.T) {
	accepted := 0
	for _, group := range readWycheproof(t, "testdata/wycheproof_es256.json").Groups {
		table, err := fastsig.NewP256Table(hexBytes(t, group.Key))
		require.NoError(t, err)
		for _, test := range group.Tests {
			digest, signature := sha256.Sum256(hexBytes(t, test.Msg)), hexBytes(t, test.Sig)
			good := test.Result == "valid"
			if len(signature) != 64 { // keys refuses it
				require.False(t, good, "%d: %s", test.ID, test.Comment)
				continue
			}
			require.Equal(t, good, table.Verify(&digest, (*[64]byte)(signature)), "%d: %s", test.ID, test.Comment)
			if good {
				accepted++
			}
		}
	}
	require.Greater(t, accepted, 50)
}
