package header

import (
	"bytes"

	"gatehouse/gateway/internal/http1"
)

// Exception is what does not pass of an answer's fields, besides what never does: one by its name, in lower case, and those that hold
// a secret.
type Exception struct {
	Name   string
	Secret []byte
}

// Passes reports whether a field of an upstream's answer is given to the caller.
func (e *Exception) Passes(name, value []byte) bool {
	return !http1.IsNamed(name, e.Name) && (len(e.Secret) == 0 || !bytes.Contains(value, e.Secret)) && !setsOwnCookie(name, value)
}
