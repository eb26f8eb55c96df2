package endpoint

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ory/fosite"

	"gatehouse/authz/client"
	"gatehouse/authz/outbox"
	"gatehouse/registry"
)

// Endpoints speak fosite's error vocabulary, plus these. A hint (WithHint) is shown to the caller, a wrapped cause is
// only logged.
var (
	ErrTooLarge = &fosite.RFC6749Error{
		ErrorField: "invalid_request", DescriptionField: "The request body is too large.",
		CodeField: http.StatusRequestEntityTooLarge,
	}
	ErrUserDenied = &fosite.RFC6749Error{
		ErrorField: "access_denied", DescriptionField: "The user could not be authenticated.",
		CodeField: http.StatusUnauthorized,
	}
	ErrSuspended = &fosite.RFC6749Error{
		ErrorField: "access_denied", DescriptionField: "Account has been suspended. Please contact support for further assistance.",
		CodeField: http.StatusForbidden,
	}
	ErrTooManyTries = &fosite.RFC6749Error{
		ErrorField: "too_many_requests", DescriptionField: "There were too many attempts to sign in.",
		CodeField: http.StatusTooManyRequests,
	}
	ErrInvalidToken = &fosite.RFC6749Error{
		ErrorField: "invalid_token", DescriptionField: "The access token is missing, malformed, expired or revoked.",
		CodeField: http.StatusUnauthorized,
	}
	ErrUnknownClient = &fosite.RFC6749Error{
		ErrorField: "invalid_client", DescriptionField: "There is no such client.",
		CodeField: http.StatusBadRequest,
	}
	ErrForbidden = &fosite.RFC6749Error{
		ErrorField: "access_denied", DescriptionField: "Requests from other origins are refused.",
		CodeField: http.StatusForbidden,
	}
	ErrNotFound = &fosite.RFC6749Error{
		ErrorField: "not_found", DescriptionField: "There is nothing here.",
		CodeField: http.StatusNotFound,
	}
	ErrConflict = &fosite.RFC6749Error{
		ErrorField: "conflict", DescriptionField: "This is not possible in the present state.",
		CodeField: http.StatusConflict,
	}
	ErrUnrecorded = &fosite.RFC6749Error{
		ErrorField: "server_error", DescriptionField: "The revocation may not have been recorded. Send it again.",
		CodeField: http.StatusInternalServerError,
	}
	ErrMethodNotAllowed = &fosite.RFC6749Error{
		ErrorField: "method_not_allowed", DescriptionField: "The method is not allowed here.",
		CodeField: http.StatusMethodNotAllowed,
	}
)

const maxDescription = 600

// AsOAuthError is the one mapping of errors to what a caller sees. What is not in the vocabulary is an internal error
// and shown as nothing more than that.
func AsOAuthError(err error) *fosite.RFC6749Error {
	var known *fosite.RFC6749Error
	var invalid *client.InvalidError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &invalid):
		return fosite.ErrInvalidRequest.WithHint(invalid.Error()).WithWrap(err)
	case errors.Is(err, outbox.ErrUndelivered):
		return fosite.ErrTemporarilyUnavailable.WithHint("The revocation is recorded but has not reached every gateway. Try again.").WithWrap(err)
	case errors.Is(err, client.ErrBusy):
		return fosite.ErrTemporarilyUnavailable.WithHint("Too many secrets of this client are compared at this moment. Try again.").WithWrap(err)
	case errors.Is(err, context.DeadlineExceeded):
		return fosite.ErrTemporarilyUnavailable.WithWrap(err)
	case errors.Is(err, registry.ErrInvalid):
		return fosite.ErrInvalidRequest.WithWrap(err)
	default:
		return fosite.ErrServerError.WithWrap(err)
	}
}

// Describe is the error_description of e, in the characters that RFC 6749 section 5.2 allows there.
func Describe(e *fosite.RFC6749Error) string {
	text := e.DescriptionField
	if e.HintField != "" {
		text = e.HintField
	}
	if len(text) > maxDescription { // it may quote the request, and may have to fit into a Location header
		text = text[:maxDescription] + "..."
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < ' ' || r > '~':
			return '?'
		default:
			return r
		}
	}, text)
}

// AsSentence makes one of a reason; nothing of none.
func AsSentence(reason string) string {
	first, size := utf8.DecodeRuneInString(reason)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + reason[size:] + "."
}
