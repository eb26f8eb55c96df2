package authz

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/ory/fosite"

	"gatehouse/authz/outbox"
	"gatehouse/registry"
)

// concludeExchange is what the client is told of redeeming a code or rotating a refresh token. Before it says that the grant
// has ended, the revocation that a second use has caused is in Redis, where gateways read it; otherwise the error is
// outbox.ErrUndelivered.
func (i *issuer) concludeExchange(ctx context.Context, grant registry.Grant, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, registry.ErrCodeUsed), errors.Is(err, registry.ErrRefreshReused):
		i.log.WarnContext(ctx, "grant ended: used twice", slog.String("grant_id", grant.ID), slog.String("client_id", grant.ClientID),
			slog.String("cause", err.Error()))
	case errors.Is(err, registry.ErrGrantEnded):
	case errors.Is(err, registry.ErrNotFound), errors.Is(err, registry.ErrExpired):
		return fosite.ErrInvalidGrant.WithHint("The code or refresh token is unknown, expired or was used before.").WithWrap(err)
	default:
		return err
	}
	// Also when the grant had ended before: this may be the next try of a client that was told to come back.
	if err := i.relay.Deliver(ctx, outbox.RevokedGrant(grant.ID)); err != nil {
		return err
	}
	return fosite.ErrInvalidGrant.WithHint("The grant has ended. The user has to authorize the client again.").WithWrap(err)
}

func requireGrantType(request fosite.AccessRequester, name string) error {
	if !slices.Contains(request.GetClient().GetGrantTypes(), name) {
		return fosite.ErrUnauthorizedClient.WithHintf("The client is not registered for grant type '%s'.", name)
	}
	return nil
}

// requireScopes refuses a request that asks for nothing, or for more than the client may have.
func requireScopes(request fosite.Requester) error {
	if len(request.GetRequestedScopes()) == 0 {
		return fosite.ErrInvalidScope.WithHint("Parameter 'scope' is missing, and the client has no default scope.")
	}
	for _, name := range request.GetRequestedScopes() {
		if !slices.Contains(request.GetClient().GetScopes(), name) {
			return fosite.ErrInvalidScope.WithHintf("The scope '%s' does not exist or is not one of the client's.", name)
		}
	}
	return nil
}

// underGrant says on whose behalf, for which scopes, and for whom, the answer will be.
func underGrant(request fosite.AccessRequester, grant registry.Grant, scopes, audience []string) {
	s := sessionOf(request)
	s.audience = audience
	s.grant, s.subject, s.clientID = grant, grant.Subject, grant.ClientID
	for _, name := range scopes {
		request.GrantScope(name)
	}
}
