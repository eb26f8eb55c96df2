package app_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

// TestAnnouncedBodiesTakeNoMemory holds the server to memory for what has arrived: anybody can announce anything.
func TestAnnouncedBodiesTakeNoMemory(t *testing.T) {
	r := start(t, testConfig(echoUpstream(t)))
	before := heap()
	const count = 200
	for _, path := range []string{"/nosuch", "/oauth/token"} {
		for range count {
			r.dial().Send(gatewaytest.Raw("POST "+path, fmt.Sprintf("Content-Length: %d", 4<<20)) + "x")
		}
	}
	require.Equal(t, http.StatusOK, r.do(http.MethodGet, r.public+"/oauth/scopes", nil, nil).status)
	require.Less(t, heap(), before+200<<20, "%d bodies of 4 MiB were announced and none has arrived", 2*count)
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestBodiesThatAreTooLargeAreRefusedBothWaysOfSendingThem(t *testing.T) {
	r := start(t, testConfig(echoUpstream(t)))
	token := r.consent(r.register(), 1, "payments:send").access
	for name, size := range map[string]int{"/oauth/token": 70 << 10, "/oauth/introspect": 200 << 10, "/payments/bolt11": 5 << 20} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s chunked=%v", name, chunked), func(t *testing.T) {
				var body = struct{ *strings.Reader }{strings.NewReader(strings.Repeat("a", size))}
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.public+name, body)
				require.NoError(t, err)
				if !chunked {
					request.ContentLength = int64(size)
				}
				request.Header.Set("Authorization", "Bearer "+token)
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					return // the server closed the connection while the body was still being sent
				}
				require.NoError(t, response.Body.Close())
				require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
			})
		}
	}
	require.Equal(t, http.StatusOK, r.do(http.MethodPost, r.public+"/payments/bolt11", strings.NewReader("{}"), bearer(token)).status)
}
