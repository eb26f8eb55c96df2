package app_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/app/config"
)

// TestAStuckStandardErrorStopsNobody serves with a log that nobody reads, which took a gateway 237 requests to notice.
func TestAStuckStandardErrorStopsNobody(t *testing.T) {
	for _, format := range []string{config.LogJSON, config.LogText} {
		t.Run(format, func(t *testing.T) {
			unread, stderr, err := os.Pipe()
			require.NoError(t, err)
			defer func() { _ = unread.Close(); _ = stderr.Close() }()
			require.NoError(t, stderr.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
			_, err = stderr.Write(make([]byte, 1<<20))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.NoError(t, stderr.SetWriteDeadline(time.Time{}))

			cfg := testConfig(echoUpstream(t))
			cfg.DatabaseURL = sqliteFile(t)
			cfg.Log.Format = format
			lines := &app.LogBuffer{Out: stderr, Delay: time.Millisecond}
			log := app.NewLogger(cfg.Log, lines)
			gatehouse, err := app.New(t.Context(), cfg, app.Options{Log: log})
			require.NoError(t, err)
			require.NoError(t, gatehouse.Start(t.Context()))
			r := &running{
				t: t, config: cfg, app: gatehouse,
				public: "http://" + gatehouse.Addr().String(), admin: "http://" + gatehouse.AdminAddr().String(),
			}
			t.Cleanup(r.stop)
			r.awaitReady()
			given := r.consent(r.register(), 1, "balance:read")
			for range 1000 {
				require.Equal(t, http.StatusOK, r.balance(given.access).status)
			}
			require.Zero(t, r.scrape()[`gatehouse_log_lines_dropped_total{kind="access"}`], "there is room for that many")
			for range 8 { // MiB, until there is none
				log.Info(strings.Repeat("a", 1<<20))
			}
			require.Equal(t, http.StatusOK, r.balance(given.access).status)
			for _, kind := range []string{"access", "other"} {
				require.NotZero(t, r.scrape()[`gatehouse_log_lines_dropped_total{kind="`+kind+`"}`], kind)
			}
			ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
			defer cancel()
			r.app = nil
			require.NoError(t, gatehouse.Stop(ctx))
			require.Error(t, lines.Flush(time.Millisecond))

			go func() { _, _ = io.Copy(io.Discard, unread) }()
			require.NoError(t, lines.Flush(startTimeout), "what was kept is written when it can be")
		})
	}
}
