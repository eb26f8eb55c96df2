package app

import (
	"io"
	"log/slog"

	"gatehouse/app/config"
)

// NewLogger returns a logger that writes to w as configured, one line in one Write. With a LogBuffer nobody waits for the
// log, and lines of JSON in the access log are written at the least cost. A LogBuffer has one logger.
func NewLogger(l config.Log, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Threshold()}
	handlerTo := func(w io.Writer) slog.Handler {
		if l.Format == config.LogText {
			return slog.NewTextHandler(w, options)
		}
		return slog.NewJSONHandler(w, options)
	}
	out, isBuffer := w.(*LogBuffer)
	if !isBuffer {
		return slog.New(handlerTo(w))
	}
	log := slog.New(&bufferedHandler{
		Handler: handlerTo(out), access: handlerTo(accessLines{out}), out: out, isJSON: l.Format != config.LogText,
	})
	out.tellDropped = func(lines int64) {
		log.Warn("lines of the log were dropped: standard error takes them too slowly, or not at all", "lines", lines)
	}
	return log
}

// bufferedHandler is slog's handler over a LogBuffer, with what the access log writes its lines to.
type bufferedHandler struct {
	slog.Handler
	access slog.Handler
	out    *LogBuffer
	isJSON bool
}
