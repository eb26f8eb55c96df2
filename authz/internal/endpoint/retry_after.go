package endpoint

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/page"
	"gatehouse/authz/user"
)

// SetRetryAfter says when to try again what could succeed then.
func SetRetryAfter(w http.ResponseWriter, e *fosite.RFC6749Error) {
	var braked *user.BrakedError
	switch {
	case errors.As(e, &braked):
		w.Header().Set("Retry-After", strconv.FormatInt(int64(RetryAfter(braked)/time.Second), 10))
	case e.CodeField == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
}

// RetryAfter is in whole seconds, as the header field is.
func RetryAfter(braked *user.BrakedError) time.Duration {
	return (braked.RetryAfter + time.Second - 1).Truncate(time.Second)
}

// TooManyRequests is what a caller is told whose network has to wait; any other error is left as it is.
func TooManyRequests(err error) error {
	var braked *user.BrakedError
	if !errors.As(err, &braked) {
		return err
	}
	wait := RetryAfter(braked)
	hint := "Too many requests come from your network. Wait " + page.English.Duration(wait) + " and try again."
	return Told(ErrTooManyTries.WithHint(hint).WithWrap(err), "failure.too_many_requests", "wait", wait)
}
