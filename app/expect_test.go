package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
			conn, err := net.Dial("tcp", r.app.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(startTimeout)))
			_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nExpect: 100-continue\r\n"+
				"X-Request-Id: the-one\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n\r\n", test.path, test.authorization)
			require.NoError(t, err)
			reader := bufio.NewReader(conn)
			first, err := http.ReadResponse(reader, nil)
			require.NoError(t, err)
			status := first.StatusCode
			if test.in > 0 {
				require.Equal(t, http.StatusContinue, status)
				_, err = io.WriteString(conn, "{}")
				require.NoError(t, err)
				answer, err := http.ReadResponse(reader, nil)
				require.NoError(t, err)
				status = answer.StatusCode
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
