package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"gatehouse/gateway/internal/handshake"
	"gatehouse/gateway/internal/panics"
	"gatehouse/gateway/internal/upstream"
)

// Failure is how an exchange with an upstream failed.
type Failure uint8

// The failures.
const (
	NoFailure Failure = iota
	// Busy upstreams had no connection free for as long as a request may wait. Nothing was sent.
	Busy
	// OverShare is a user, or an address without a token, who had as many connections to the upstream as one may have.
	// Nothing was sent, and the upstream has done nothing wrong.
	OverShare
	// Unreachable upstreams could not be connected to. Nothing was sent.
	Unreachable
	// TooSlow upstreams let one of the route's timeouts pass.
	TooSlow
	// BrokeOff is a connection that ended before the answer did.
	BrokeOff
	NotHTTP
	// CredentialRefused is a 401 for a credential that the gateway had made.
	CredentialRefused
	// Abandoned requests lost their caller before the answer. The upstream has done nothing wrong.
	Abandoned
	// Internal is a mistake in the gateway, in the middle of an answer.
	Internal

	failures = iota
)

var failureNames = [failures]string{
	"none", "busy", "over_share", "unreachable", "too_slow", "broke_off", "not_http", "credential_refused", "abandoned",
	"internal",
}

// Failures returns all of them, by their value.
func Failures() []Failure { return all[Failure](failures) }

// String is a word in lower case.
func (f Failure) String() string { return failureNames[f] }

// upstreamFailed is what the caller is told of an error of an exchange. otherwise is how the upstream failed if the error
// does not say. A refusal is the caller's fault and stays what it is.
func (g *Gateway) upstreamFailed(r *request, to *rule, err error, otherwise Failure) error {
	if errors.Is(err, upstream.ErrCallerGone) {
		r.seen.Failure = Abandoned
		return errCallerGone
	}
	if refused := knownRefusal(err); refused != nil {
		return refused
	}
	if errors.As(err, new(*panics.Error)) {
		return err
	}
	r.seen.Failure = failureOf(err, otherwise)
	if r.seen.Failure == OverShare {
		g.logFailure(to, OverShare, "refused: over the share of one user", err, r.logged())
		return errOverShare
	}
	g.logFailure(to, r.seen.Failure, "upstream failed", err, r.logged())
	switch r.seen.Failure {
	case Busy:
		return errUpstreamBusy
	case TooSlow:
		return errUpstreamTooSlow
	case CredentialRefused:
		return errCredentialRefused
	default:
		return errUpstreamBroken
	}
}

// answerFailed is how the upstream failed, or the caller left, when an answer cannot be forwarded to its end.
func (g *Gateway) answerFailed(to *rule, err error, id string) Failure {
	if errors.Is(err, upstream.ErrCallerGone) {
		return Abandoned
	}
	if g.logPanic(err, to.name, logged(id)) {
		return Internal
	}
	how := failureOf(err, BrokeOff)
	g.logFailure(to, how, "answer was cut", err, logged(id))
	return how
}

func (g *Gateway) logFailure(to *rule, how Failure, message string, err error, id slog.Attr) {
	if times, due := to.upstream.failed[how].Due(); due {
		g.log.Warn(message, "route", to.name, "upstream", to.upstream.Origin().Host, "error", err, "times", times, id)
	}
}

func failureOf(err error, otherwise Failure) Failure {
	var network net.Error
	switch {
	case errors.Is(err, upstream.ErrBusy):
		return Busy
	case errors.Is(err, upstream.ErrOverShare):
		return OverShare
	case errors.Is(err, errRefusedCredential):
		return CredentialRefused
	case errors.Is(err, upstream.ErrTooSlow), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return TooSlow
	case errors.Is(err, upstream.ErrNotHTTP), errors.Is(err, upstream.ErrUpgraded), errors.Is(err, handshake.ErrBadAnswer):
		return NotHTTP
	default:
		return otherwise
	}
}
