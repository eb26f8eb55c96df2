package endpoint

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/ory/fosite"

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
