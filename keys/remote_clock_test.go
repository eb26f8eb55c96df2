package keys_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

func TestAClockThatIsFarFromTheAuthorizationServersIsReported(t *testing.T) {
	document, _ := newRing(t, newKey(t, keys.ES256)).JWKS()
	for name, test := range map[string]struct {
		there    time.Duration // its clock, from here
		age      int
		warnings int
	}{
		"the same":                     {0, 0, 0},
		"a little ahead":               {25 * time.Second, 0, 0},
		"a little behind":              {-25 * time.Second, 0, 0},
		"an hour ahead":                {time.Hour, 0, 1},
		"an hour behind":               {-time.Hour, 0, 1},
		"the same, an hour in a cache": {-time.Hour, 3600, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var server jwksServer
				server.serve(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Date", time.Now().Add(test.there).UTC().Format(http.TimeFormat))
					w.Header().Set("Age", strconv.Itoa(test.age))
					_, _ = w.Write(document)
				})
				var log logBuffer
				remote := server.remote(&log)
				remote.Leeway = 30 * time.Second
				run(t, remote)
				pass(3 * remote.Refresh)
				require.EqualValues(t, 4, server.fetches.Load())
				require.Equal(t, test.warnings, strings.Count(log.String(), "level=WARN"), &log)
			})
		})
	}
}
