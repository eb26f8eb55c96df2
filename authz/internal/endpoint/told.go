package endpoint

import "gatehouse/authz/page"

// ToldError is an error that a person is told in a page's words. A program is told the error itself.
type ToldError struct {
	error
	Message page.Message
	// Heading and Advice stand above and below the message; nothing: the usual ones.
	Heading, Advice page.Message
}

func (e *ToldError) Unwrap() error { return e.error }

// Told is err with the words of a page for it.
func Told(err error, key string, args ...any) *ToldError {
	return &ToldError{error: err, Message: page.Say(key, args...)}
}

// Under is the error with another heading.
func (e *ToldError) Under(heading page.Message) *ToldError {
	with := *e
	with.Heading = heading
	return &with
}

// Advising is the error with another advice.
func (e *ToldError) Advising(advice page.Message) *ToldError {
	with := *e
	with.Advice = advice
	return &with
}
