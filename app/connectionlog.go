package app

import (
	"log/slog"

	"github.com/valyala/fasthttp"
)

// connectionLog is fasthttp's logger. What it is told may quote a request with its query string, so only the kind of
// message is kept.
type connectionLog struct {
	log *slog.Logger
}

var _ fasthttp.Logger = connectionLog{}

// Printf logs the format without what was to be put into it.
func (l connectionLog) Printf(format string, _ ...any) {
	l.log.Debug("connection", "event", format)
}
