package authz

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/client"
	"gatehouse/authz/outbox"
	"gatehouse/authz/user"
	"gatehouse/registry"
)

// The package speaks fosite's error vocabulary, plus these. A hint (WithHint) is shown to the caller, a wrapped cause is
// only logged.
var (
	errTooLarge = &fosite.RFC6749Error{
		ErrorField: "invalid_request", DescriptionField: "The request body is too large.",
		CodeField: http.StatusRequestEntityTooLarge,
	}
	errUserDenied = &fosite.RFC6749Error{
		ErrorField: "access_denied", DescriptionField: "The user could not be authenticated.",
		CodeField: http.StatusUnauthorized,
	}
	errSuspended = &fosite.RFC6749Error{
		ErrorField: "access_denied", DescriptionField: "Account has been suspended. Please contact support for further assistance.",
		CodeField: http.StatusForbidden,
	}
	errTooManyTries = &fosite.RFC6749Error{
		ErrorField: "too_many_requests", DescriptionField: "There were too many attempts to sign in.",
		CodeField: http.StatusTooManyRequests,
	}
	errInvalidToken = &fosite.RFC6749Error{
		ErrorField: "invalid_token", DescriptionField: "The access token is missing, malformed, expired or revoked.",
		CodeField: http.StatusUnauthorized,
	}
	errUnknownClient = &fosite.RFC6749Error{
		ErrorField: "invalid_client", DescriptionField: "There is no such client.",
		CodeField: http.StatusBadRequest,
	}
	errForbidden = &fosite.RFC6749Error{
		ErrorField: "access_denied", DescriptionField: "Requests from other origins are refused.",
		CodeField: http.StatusForbidden,
	}
	errNotFound = &fosite.RFC6749Error{
		ErrorField: "not_found", DescriptionField: "There is nothing here.",
		CodeField: http.StatusNotFound,
	}
	errConflict = &fosite.RFC6749Error{
		ErrorField: "conflict", DescriptionField: "This is not possible in the present state.",
		CodeField: http.StatusConflict,
	}
	errUnrecorded = &fosite.RFC6749Error{
		ErrorField: "server_error", DescriptionField: "The revocation may not have been recorded. Send it again.",
		CodeField: http.StatusInternalServerError,
	}
	errMethodNotAllowed = &fosite.RFC6749Error{
		ErrorField: "method_not_allowed", DescriptionField: "The method is not allowed here.",
		CodeField: http.StatusMethodNotAllowed,
	}
)

const maxDescription = 600

// asOAuthError is the one mapping of errors to what a caller sees. What is not in the vocabulary is an internal error
// and shown as nothing more than that.
func asOAuthError(err error) *fosite.RFC6749Error {
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

// describe is the error_description of e, in the characters that RFC 6749 section 5.2 allows there.
func describe(e *fosite.RFC6749Error) string {
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

// fail answers with err as JSON (RFC 6749 section 5.2).
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := asOAuthError(err)
	s.logFailure(r, e)
	setRetryAfter(w, e)
	switch {
	case e.CodeField == http.StatusUnauthorized && e.ErrorField == fosite.ErrInvalidClient.ErrorField:
		// Unasked, a browser would show its own password dialog to the user of a single-page application.
		if r.Header.Get("Authorization") != "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="gatehouse", charset="UTF-8"`)
		}
	case e.CodeField == http.StatusUnauthorized && e.ErrorField == errInvalidToken.ErrorField:
		w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse", error="invalid_token"`)
	case e.CodeField == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
	}
	writeJSON(w, e.CodeField, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{e.ErrorField, describe(e)})
}

// setRetryAfter says when to try again what could succeed then.
func setRetryAfter(w http.ResponseWriter, e *fosite.RFC6749Error) {
	var braked *user.BrakedError
	switch {
	case errors.As(e, &braked):
		w.Header().Set("Retry-After", strconv.FormatInt(int64(retryAfter(braked)/time.Second), 10))
	case e.CodeField == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
}

// failRevocation answers a caller who revokes something. To such a caller 503 means that the revocation is recorded and
// will reach the gateways, so nothing else may be answered with it.
func (s *Server) failRevocation(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, outbox.ErrUndelivered) && asOAuthError(err).CodeField >= http.StatusInternalServerError {
		err = errUnrecorded.WithWrap(err)
	}
	s.fail(w, r, err)
}

// logFailure keeps the cause of a server error for the operator. What was sent is not logged: it may be a code, a token, or
// whatever somebody wants to be in a log.
func (s *Server) logFailure(r *http.Request, e *fosite.RFC6749Error) {
	if e.CodeField < http.StatusInternalServerError {
		return
	}
	s.log.ErrorContext(r.Context(), "request failed", slog.String("method", r.Method), slog.String("route", r.Pattern),
		slog.String("error", e.ErrorField), slog.Any("cause", e.Unwrap()))
}

// writeJSON answers with a body that nobody may store: nearly everything here is about one client or one user.
func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		status, encoded = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json;charset=UTF-8")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")
	}
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the caller has gone when this fails
}
