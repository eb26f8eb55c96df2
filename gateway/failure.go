package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
)

var errRefusedCredential = errors.New("the upstream answered 401 to a credential that the gateway made")

// upstreamFailed is what the caller is told of an err. otherwise is how the upstream failed if the error does not say.
// What is the caller's fault stays what it is.
func (g *Gateway) upstreamFailed(r *request, to *rule, err error, otherwise Failure) error {
	var refused *refusal
	if errors.As(err, &refused) {
		if refused == errCallerGone {
			r.seen.Failure = Abandoned
		}
		return refused
	}
	r.seen.Failure = failureOf(err, otherwise)
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

// answerCut notes that an answer could not be passed on to its end.
func (g *Gateway) answerCut(to *rule, err error, id []byte) {
	how := Abandoned
	if !errors.Is(err, errCallerGone) {
		how = failureOf(err, BrokeOff)
		r := request{id: id}
		g.logFailure(to, how, "answer was cut", err, r.logged())
	}
	if g.observer != nil {
		g.observer.Cut(to.index, how)
	}
}

func (g *Gateway) logFailure(to *rule, how Failure, message string, err error, id slog.Attr) {
	if times, due := to.upstream.failed[how].due(); due {
		g.log.Warn(message, "route", to.name, "upstream", to.upstream.origin.host, "error", err, "times", times, id)
	}
}

func failureOf(err error, otherwise Failure) Failure {
	var network net.Error
	switch {
	case errors.Is(err, errBusy):
		return Busy
	case errors.Is(err, errRefusedCredential):
		return CredentialRefused
	case errors.Is(err, errTooSlow), errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return TooSlow
	case errors.Is(err, errNotHTTP), errors.Is(err, errUpgraded), errors.Is(err, errBadUpgrade), errors.Is(err, errBadChunk):
		return NotHTTP
	default:
		return otherwise
	}
}
