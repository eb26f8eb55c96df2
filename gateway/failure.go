package gateway

import (
	"context"
	"errors"
	"net"
)

var errRefusedCredential = errors.New("the upstream answered 401 to a credential that the gateway made")

// upstreamFailed is what the caller is told of an err. otherwise is how the upstream failed if the error does not say.
func (g *Gateway) upstreamFailed(r *request, to *rule, err error, otherwise Failure) error {
	r.seen.Failure = failureOf(err, otherwise)
	if times, due := to.upstream.failed[r.seen.Failure].due(); due {
		g.log.Warn("upstream failed", "route", to.name, "upstream", to.upstream.origin.host, "error", err, "times", times, r.logged())
	}
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

func failureOf(err error, otherwise Failure) Failure {
	var network net.Error
	switch {
	case errors.Is(err, errBusy):
		return Busy
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return TooSlow
	case errors.Is(err, errAnswerTooLarge):
		return TooLarge
	case errors.Is(err, errNotHTTP), errors.Is(err, errUpgraded):
		return NotHTTP
	default:
		return otherwise
	}
}
