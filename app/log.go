package app

import (
	"io"
	"log/slog"

	"gatehouse/app/config"
)

// NewLogger returns a logger that writes to w as configured, one line in one Write. Lines of JSON to a LogBuffer are
// written at the least cost.
func NewLogger(l config.Log, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Threshold()}
	if l.Format == config.LogText {
		return slog.New(slog.NewTextHandler(w, options))
	}
	handler := slog.NewJSONHandler(w, options)
	if out, ok := w.(*LogBuffer); ok {
		return slog.New(&jsonHandler{handler, out})
	}
	return slog.New(handler)
}

// jsonHandler is slog's, with where it writes to: the access log writes its lines there by itself.
type jsonHandler struct {
	slog.Handler
	out *LogBuffer
}
