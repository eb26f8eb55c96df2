package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"gatehouse/gateway"
)

// traceFlushTimeout bounds what sending the last spans may take at the end.
const traceFlushTimeout = 5 * time.Second

// tracing sends a span for each request on the public listener to an OpenTelemetry collector, and one for its exchange
// with the upstream. It is configured by OpenTelemetry's own environment variables, and there is none unless they name a
// collector. It is safe for concurrent use.
type tracing struct {
	provider  *sdktrace.TracerProvider
	tracer    trace.Tracer
	upstreams []trace.SpanStartEventOption // of each of the gateway's routes
}

var _ gateway.Tracer = (*tracing)(nil)

func tracingIsConfigured() bool {
	return os.Getenv("OTEL_SDK_DISABLED") != "true" && os.Getenv("OTEL_TRACES_EXPORTER") != "none" &&
		(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "")
}

func newTracing(ctx context.Context, routes []gateway.Route, log *slog.Logger) (*tracing, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("make exporter: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName("gatehouse")), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("describe this process: %w", err)
	}
	t := &tracing{provider: sdktrace.NewTracerProvider(
		sdktrace.WithResource(about), sdktrace.WithBatcher(loggedExporter{exporter, log}),
	)}
	t.tracer = t.provider.Tracer("gatehouse")
	for _, route := range routes {
		attributes := []attribute.KeyValue{semconv.HTTPRoute(route.Path)}
		if origin, err := url.Parse(route.Origin); err == nil {
			attributes = append(attributes, semconv.ServerAddress(origin.Hostname()))
		}
		t.upstreams = append(t.upstreams, trace.WithAttributes(attributes...))
	}
	return t, nil
}

// close sends what was not sent yet. A collector that cannot be reached is no reason for an error.
func (t *tracing) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), traceFlushTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what was lost was logged
	return nil
}

// begin gives a request a span, within the caller's trace if it has one.
func (t *tracing) begin(ctx *fasthttp.RequestCtx, r *record) {
	caller := propagation.TraceContext{}.Extract(context.Background(), requestCarrier{&ctx.Request.Header})
	r.trace, r.span = t.tracer.Start(caller, methodOf(ctx).String(), trace.WithSpanKind(trace.SpanKindServer))
}

// endSpan ends the span of a request whose route and status are known.
func endSpan(ctx *fasthttp.RequestCtx, r *record) {
	method, status := methodOf(ctx).String(), ctx.Response.StatusCode()
	r.span.SetName(method + " " + r.route.template)
	r.span.SetAttributes(
		semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(r.route.template),
		semconv.HTTPResponseStatusCode(status), attribute.String("gatehouse.request_id", string(r.id)),
	)
	if status >= fasthttp.StatusInternalServerError {
		r.span.SetStatus(codes.Error, "")
	}
	r.span.End()
}

// Start implements gateway.Tracer.
func (t *tracing) Start(ctx *fasthttp.RequestCtx, route int) gateway.Span {
	r, _ := recordOf(ctx)
	method := methodOf(ctx).String()
	within, span := t.tracer.Start(r.trace, method, trace.WithSpanKind(trace.SpanKindClient), t.upstreams[route],
		trace.WithAttributes(semconv.HTTPRequestMethodKey.String(method)))
	return &upstreamSpan{within, span}
}

// upstreamSpan is one exchange with an upstream.
type upstreamSpan struct {
	context context.Context
	span    trace.Span
}

// AppendHeader implements gateway.Span.
func (s *upstreamSpan) AppendHeader(dst []byte) []byte {
	lines := headerLines(dst)
	propagation.TraceContext{}.Inject(s.context, &lines)
	return lines
}

// End implements gateway.Span.
func (s *upstreamSpan) End(status int, failure gateway.Failure) {
	if status != 0 {
		s.span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	}
	if failure != gateway.NoFailure {
		s.span.SetAttributes(semconv.ErrorTypeKey.String(failure.String()))
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// requestCarrier reads the caller's trace context.
type requestCarrier struct{ header *fasthttp.RequestHeader }

var _ propagation.TextMapCarrier = requestCarrier{}

func (c requestCarrier) Get(name string) string { return string(c.header.Peek(name)) }
func (requestCarrier) Set(string, string)       {} // nothing is injected here
func (requestCarrier) Keys() []string           { return nil }

// headerLines writes a trace context for the upstream.
type headerLines []byte

var _ propagation.TextMapCarrier = (*headerLines)(nil)

func (*headerLines) Get(string) string { return "" } // nothing is extracted here
func (*headerLines) Keys() []string    { return nil }
func (l *headerLines) Set(name, value string) {
	*l = append(append(append(append(*l, name...), ": "...), value...), "\r\n"...)
}

// loggedExporter tells the log when spans are lost, instead of the process's standard error.
type loggedExporter struct {
	sdktrace.SpanExporter
	log *slog.Logger
}

func (e loggedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.log.Warn("spans are lost", "spans", len(spans), "error", err)
	}
	return nil
}
