package app

import (
	"io"
	"log/slog"
)

// The formats of Log.Format.
const (
	logJSON = "json"
	logText = "text"
)

var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// Logger returns a logger that writes to w as configured, one line in one Write. Lines of JSON to a LogBuffer are written at
// the least cost.
func (l Log) Logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: logLevels[l.Level]}
	if l.Format == logText {
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
