package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

// A request whose caller waits with the body has one line and is counted once, whether it may go on or not.
func TestRequestsThatWaitAreLoggedOnce(t *testing.T) {
	r, book := startLogged(t, testConfig(echoUpstream(t)))
	token := r.consent(r.register(), 1, "payments:send").access
	for name, test := range map[string]struct {
		path, authorization string
		status              int
		in                  int
	}{
		"refused":        {"/payments/bolt11", "Bearer garbage", http.StatusUnauthorized, 0},
		"goes on":        {"/payments/bolt11", "Bearer " + token, http.StatusOK, 2},
		"OAuth endpoint": {"/oauth/revoke", "", http.StatusUnauthorized, 2},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(book.requests(t))
			c := r.dial()
			c.Send(gatewaytest.Raw("POST "+test.path, "Authorization: "+test.authorization, "Expect: 100-continue",
				"X-Request-Id: the-one", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 2"))
			status := c.Begin().StatusCode
			if test.in > 0 {
				require.Equal(t, http.StatusContinue, status)
				c.Send("{}")
				status = c.Begin().StatusCode
			}
			require.Equal(t, test.status, status)
			lines := book.requests(t)
			require.Len(t, lines, before+1)
			line := lines[before]
			require.EqualValues(t, test.status, line["status"])
			require.EqualValues(t, test.in, line["bytes_in"])
			require.Equal(t, "the-one", line["request_id"])
			require.True(t, strings.HasPrefix(line["route"].(string), test.path) || strings.HasSuffix(line["route"].(string), test.path))
		})
	}
}
