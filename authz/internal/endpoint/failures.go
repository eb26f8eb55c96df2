package endpoint

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/ory/fosite"

	"gatehouse/authz/outbox"
)

// Failures answers requests that failed: the caller is told what the vocabulary says, the Log the cause of what is our own fault. It
// is safe for concurrent use.
type Failures struct{ Log *slog.Logger }

// Answer answers with err as JSON (RFC 6749 section 5.2).
func (f Failures) Answer(w http.ResponseWriter, r *http.Request, err error) {
	e := AsOAuthError(err)
	f.Record(r, e)
	SetRetryAfter(w, e)
	switch {
	case e.CodeField == http.StatusUnauthorized && e.ErrorField == fosite.ErrInvalidClient.ErrorField:
		// Unasked, a browser would show its own password dialog to the user of a single-page application.
		if r.Header.Get("Authorization") != "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="gatehouse", charset="UTF-8"`)
		}
	case e.CodeField == http.StatusUnauthorized && dpopChallenge(r, e) != "":
		w.Header().Set("WWW-Authenticate", dpopChallenge(r, e))
	case e.CodeField == http.StatusUnauthorized && e.ErrorField == ErrInvalidToken.ErrorField:
		w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse", error="invalid_token"`)
	case e.CodeField == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
	}
	WriteJSON(w, e.CodeField, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{e.ErrorField, Describe(e)})
}

// AnswerRevocation answers a caller who revokes something. To such a caller 503 means that the revocation is recorded and
// will reach the gateways, so nothing else may be answered with it.
func (f Failures) AnswerRevocation(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, outbox.ErrUndelivered) && AsOAuthError(err).CodeField >= http.StatusInternalServerError {
		err = ErrUnrecorded.WithWrap(err)
	}
	f.Answer(w, r, err)
}

// Record keeps the cause of a server error for the operator. What was sent is not logged: it may be a code, a token, or
// whatever somebody wants to be in a log.
func (f Failures) Record(r *http.Request, e *fosite.RFC6749Error) {
	if e.CodeField < http.StatusInternalServerError {
		return
	}
	f.Log.ErrorContext(r.Context(), "request failed", slog.String("method", r.Method), slog.String("route", r.Pattern),
		slog.String("error", e.ErrorField), slog.Any("cause", e.Unwrap()))
}
