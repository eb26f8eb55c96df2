package errorsx

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

type wrapper struct{ cause error }

func (w wrapper) Error() string { return "wrapper" }
func (w wrapper) Cause() error  { return w.cause }

// same is whether both are one value: what one of them wraps does not count.
func same(a, b any) bool { return a == b }

func TestWithStackNamesTheCallerOnce(t *testing.T) {
	plain := errors.New("refused")
	traced := WithStack(plain)
	if !errors.Is(traced, plain) || traced.Error() != "refused" {
		t.Fatalf("%v is another error", traced)
	}
	if text := fmt.Sprintf("%+v", traced); !strings.Contains(text, "TestWithStackNamesTheCallerOnce") {
		t.Errorf("no stack in %s", text)
	}
	if !same(WithStack(traced), traced) {
		t.Error("a second stack was added")
	}
	if err := WithStack(nil); err != nil {
		t.Errorf("nil became %v", err)
	}
}

func TestCauseIsTheErrorAtTheBeginning(t *testing.T) {
	first := errors.New("first")
	for name, err := range map[string]error{
		"itself":        first,
		"of a wrapper":  wrapper{wrapper{first}},
		"under a stack": WithStack(wrapper{first}),
	} {
		if cause := Cause(err); !same(cause, first) {
			t.Errorf("%s: %v", name, cause)
		}
	}
	if last := (wrapper{}); !same(Cause(last), last) {
		t.Error("a cause that is nil was followed")
	}
	if Cause(nil) != nil {
		t.Error("nil has a cause")
	}
}
