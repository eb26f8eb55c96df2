package endpoint

import "gatehouse/authz/page"

// ToldError is an error that a person is told in a page's words. A program is told the error itself.
type ToldError struct {
	error
	Message page.Message
}

func (e *ToldError) Unwrap() error { return e.error }

// Told is err with the words of a page for it.
func Told(err error, key string, args ...any) error { return &ToldError{err, page.Say(key, args...)} }
