package dpop_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/dpop"
)

// The examples of RFC 9449 sections 4.1, 6.1 and 7.1, which are of one key.
const (
	rfcThumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	rfcHeader     = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
	rfcTokenProof = rfcHeader + ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	rfcAPIProof   = rfcHeader + ".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	rfcToken      = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
)

func TestTheExamplesOfTheRFCAreGood(t *testing.T) {
	v := &dpop.Verifier{Now: func() time.Time { return time.Unix(1562262618, 0) }}
	proof, err := v.Verify(rfcTokenProof, dpop.Request{Method: "POST", URI: "https://server.example.com/token"})
	require.NoError(t, err)
	require.Equal(t, dpop.Proof{Thumbprint: rfcThumbprint, ID: "-BwC3ESc6acc2lTc", Until: time.Unix(1562262616+60, 0)}, proof)

	asked := dpop.Request{
		Method: "GET", URI: "https://resource.example.org/protectedresource", AccessToken: rfcToken, Thumbprint: rfcThumbprint,
	}
	proof, err = v.Verify(rfcAPIProof, asked)
	require.NoError(t, err)
	require.Equal(t, "e1j3V_bKic8-LAEB", proof.ID)

	_, err = v.Verify(rfcTokenProof, asked)
	require.ErrorIs(t, err, dpop.ErrInvalidProof)
}
