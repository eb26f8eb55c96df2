package keys_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestAClockThatIsFarFromTheAuthorizationServersIsReported(t *testing.T) {
	ring, err := keys.NewRing(newKey(t, keys.ES256))
	require.NoError(t, err)
	document, _ := ring.JWKS()
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
			t.Parallel()
			server := newJWKSServer(t)
			server.serve(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(test.there).UTC().Format(http.TimeFormat))
				w.Header().Set("Age", strconv.Itoa(test.age))
				_, _ = w.Write(document)
			})
			var log lockedBuffer
			remote := keys.NewRemote(server.URL, nil, slog.New(slog.NewTextHandler(&log, nil)))
			remote.Refresh, remote.MinInterval, remote.Leeway = time.Millisecond, time.Millisecond, 30*time.Second
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); remote.Run(ctx) }()
			t.Cleanup(func() { cancel(); <-done })
			require.Eventually(t, func() bool { return server.fetches.Load() > 3 }, remotePatience, remoteTick)
			require.Equal(t, test.warnings, strings.Count(log.String(), "level=WARN"), &log)
		})
	}
}
