package otelx

import (
	"errors"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// span remembers its status and that it ended.
type span struct {
	noop.Span
	status      codes.Code
	description string
	ended       bool
}

func (s *span) SetStatus(code codes.Code, description string) {
	s.status, s.description = code, description
}
func (s *span) End(...trace.SpanEndOption) { s.ended = true }

func TestEndSaysHowTheFunctionEnded(t *testing.T) {
	for name, c := range map[string]struct {
		end         func(s *span) error
		status      codes.Code
		description string
	}{
		"well": {func(s *span) (err error) { defer End(s, &err); return nil }, codes.Unset, ""},
		"with an error": {func(s *span) (err error) { defer End(s, &err); return errors.New("refused") },
			codes.Error, "refused"},
		"without an error to look at": {func(s *span) error { defer End(s, nil); return errors.New("refused") },
			codes.Unset, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &span{}
			_ = c.end(s)
			if !s.ended || s.status != c.status || s.description != c.description {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestEndLetsAPanicGoOn(t *testing.T) {
	s := &span{}
	defer func() {
		if panicked := recover(); panicked != "no memory" {
			t.Errorf("panicked with %v", panicked)
		}
		if !s.ended || s.status != codes.Error {
			t.Errorf("%+v", s)
		}
	}()
	var err error
	defer End(s, &err)
	panic("no memory")
}
