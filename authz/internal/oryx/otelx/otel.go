// Package otelx has the one function of github.com/ory/x/otelx that fosite v0.49.0 uses.
package otelx

import (
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// End is deferred: it ends the span of the function that returns, which has failed if *err is not nil or if it panics. The
// panic goes on. authz gives fosite no span, so that nothing is recorded; what an operator sees of a request is app's.
func End(span trace.Span, err *error) {
	defer span.End()
	if panicked := recover(); panicked != nil {
		span.SetStatus(codes.Error, "panic")
		panic(panicked)
	}
	if err != nil && *err != nil {
		span.SetStatus(codes.Error, (*err).Error())
	}
}
