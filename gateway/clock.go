package gateway

import (
	"log/slog"
	"sync/atomic"
	"time"
)

const clockWarningInterval = 10 * time.Second

// clockWarning tells the operator that authentic tokens come from the future, which only a wrong clock explains: here or
// at the authorization server. Every request of every user would say so; once in a while is enough.
type clockWarning struct {
	next atomic.Int64
}

func (w *clockWarning) warn(log *slog.Logger) {
	now := time.Now()
	next := w.next.Load()
	if now.UnixNano() < next || !w.next.CompareAndSwap(next, now.Add(clockWarningInterval).UnixNano()) {
		return
	}
	log.Warn("tokens are refused because they were issued in the future: is the clock here or at the authorization server wrong?",
		"clock", now.UTC())
}
