package app

import (
	"context"
	"log/slog"
)

// requestIDKey finds the id of a request in the context of a net/http request, for what is logged about it.
type requestIDKey struct{}

// withRequestID is ctx for work on the request with this id.
func withRequestID(ctx context.Context, id []byte) context.Context {
	return context.WithValue(ctx, requestIDKey{}, string(id))
}

// requestLog adds a request's id to each line that is logged with the request's context. The line of the access log, the
// answer and the upstream's log have the same id.
type requestLog struct{ slog.Handler }

var _ slog.Handler = requestLog{}

func (h requestLog) Handle(ctx context.Context, line slog.Record) error {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		line.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, line)
}

func (h requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{h.Handler.WithAttrs(attrs)}
}
func (h requestLog) WithGroup(name string) slog.Handler { return requestLog{h.Handler.WithGroup(name)} }
