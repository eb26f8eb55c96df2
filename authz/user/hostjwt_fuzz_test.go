package user_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/user"
)

// FuzzUserJWT signs whatever header and claims there are with the host application's secret, and puts a suffix after the
// token. Who is let in is the user whom encoding/json reads out of it, with HS256 and an end in the future.
func FuzzUserJWT(f *testing.F) {
	now := time.Unix(1_900_000_000, 0)
	header, claims := `{"alg":"HS256","typ":"JWT"}`, `{"id":7,"exp":1900000100}`
	for _, change := range [][2]string{
		{`HS256`, `none`}, {`HS256`, `HS512`}, {`"typ"`, `"crit":["x"],"x":1,"typ"`}, {`"typ"`, `"b64":false,"typ"`}, {`"alg"`, `"ALG"`},
	} {
		f.Add([]byte(strings.Replace(header, change[0], change[1], 1)), []byte(claims), "")
	}
	for _, change := range [][2]string{
		{"", ""}, {`7`, `"7"`}, {`7`, `7.0`}, {`7`, `7e0`}, {`7`, `-7`}, {`7`, `0`}, {`7`, `9223372036854775807`}, {`7`, `9223372036854775808`},
		{`7`, `7,"id":8`}, {`7`, `7,"ID":8`}, {`1900000100`, `1900000000`}, {`1900000100`, `"1900000100"`}, {`1900000100`, `1e400`},
		{`,"exp":1900000100`, ``}, {`}`, `,"isRefresh":true}`}, {`}`, `,"isRefresh":false}`}, {`}`, `,"isRefresh":null}`},
		{`}`, `,"clientId":"app"}`}, {`}`, `,"nbf":1900000050}`}, {`}`, `}}`}, {`}`, `} `},
	} {
		f.Add([]byte(header), []byte(strings.Replace(claims, change[0], change[1], 1)), "")
	}
	for _, suffix := range []string{"=", "\n", " ", ".", "A", "\x00"} {
		f.Add([]byte(header), []byte(claims), suffix)
	}
	users := &user.HostJWT{Secret: []byte("secret"), Now: func() time.Time { return now }}
	f.Fuzz(func(t *testing.T, header, claims []byte, suffix string) {
		encode := base64.RawURLEncoding.EncodeToString
		input := encode(header) + "." + encode(claims)
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write([]byte(input))
		subject, err := users.Authenticate(t.Context(), user.Proof{Token: input + "." + encode(mac.Sum(nil)) + suffix})
		if err != nil {
			var denied *user.DeniedError
			require.ErrorAs(t, err, &denied)
			require.Empty(t, subject)
			return
		}
		var h, c map[string]any
		require.NoError(t, json.Unmarshal(header, &h))
		require.Equal(t, "HS256", h["alg"])
		require.NotContains(t, h, "crit")
		require.NotContains(t, h, "b64")
		require.NoError(t, json.Unmarshal(claims, &c))
		id, err := strconv.ParseInt(subject, 10, 64)
		require.NoError(t, err)
		require.Positive(t, id)
		require.IsType(t, 0.0, c["id"])
		require.InEpsilon(t, c["id"], id, 1e-9)
		require.Greater(t, c["exp"], float64(now.Unix()))
		if refresh, ok := c["isRefresh"]; ok {
			require.Equal(t, false, refresh)
		}
		require.Contains(t, []any{nil, ""}, c["clientId"])
	})
}
