package gateway

import (
	"log/slog"
	"time"

	"gatehouse/gateway/internal/occasional"
)

// clockWarning tells the operator that authentic tokens come from the future, which only a wrong clock explains: here or
// at the authorization server.
type clockWarning struct {
	occasional occasional.Warning
}

func (w *clockWarning) warn(log *slog.Logger) {
	if times, due := w.occasional.Due(); due {
		log.Warn("tokens are refused because they were issued in the future: is the clock here or at the authorization server wrong?",
			"clock", time.Now().UTC(), "times", times)
	}
}
