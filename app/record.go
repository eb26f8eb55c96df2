package app

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// record is what becomes known of one request on the public listener while it is served. It is reused, and valid only
// inside the handler.
type record struct {
	id      []byte
	made    [32]byte // what id is kept in, unless it is the caller's
	route   *route
	subject string
	client  string
	// received is how much was read of a body that is a stream.
	received int
	refused  bool   // by the gateway: the answer is an error of its own
	sent     bool   // so that the upstream may have got any of it
	isOpen   bool   // as a WebSocket, after the request was served
	streams  bool   // its answer is written after it was served
	cut      string // why it was, or its answer; empty when it was not
	began    time.Time
	span     trace.Span      // nil where nobody traces
	trace    context.Context // holds the span
	line     []byte          // of the access log, reused
}

// recordKey finds the record of a request, in fasthttp's context and in that of a net/http request.
type recordKey struct{}

var records = sync.Pool{New: func() any { return new(record) }}

func acquireRecord() *record { return records.Get().(*record) }

func releaseRecord(r *record) {
	r.id, r.route, r.subject, r.client, r.received, r.isOpen, r.span, r.trace = nil, nil, "", "", 0, false, nil, nil
	r.streams, r.cut, r.refused, r.sent = false, "", false, false
	records.Put(r)
}

// recordOf returns the record of the request that ctx belongs to. There is one between the observer's Begin and Served.
func recordOf(ctx context.Context) (*record, bool) {
	r, ok := ctx.Value(recordKey{}).(*record)
	return r, ok
}
