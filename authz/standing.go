package authz

import (
	"context"
	"errors"
	"log/slog"

	"github.com/ory/fosite"

	"gatehouse/authz/outbox"
	"gatehouse/authz/user"
	"gatehouse/registry"
)

const reasonSuspended = "suspended"

// requireStanding ends the grant of a user whose account was suspended or deleted since, so that it refreshes no more: the
// user has to sign in again. As long as nobody says so, the user is not suspended: whoever could tell may be restarting.
func (i *issuer) requireStanding(ctx context.Context, s *session, grant registry.Grant) error {
	if i.standing == nil || grant.Ended() {
		return nil
	}
	err := i.standing.CheckStanding(ctx, grant.Subject, s.caller)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, user.ErrSuspended):
		i.log.DebugContext(ctx, "refreshed without knowing whether the user is suspended", slog.Any("cause", err))
		return nil
	}
	err = i.turns.take(ctx, grant.Subject, func() error { return i.registry.EndGrant(ctx, grant.ID, reasonSuspended) })
	if err != nil {
		return err
	}
	i.log.InfoContext(ctx, "grant ended: the user is suspended", slog.String("grant_id", grant.ID), slog.String("client_id", grant.ClientID))
	if err := i.relay.Deliver(ctx, outbox.RevokedGrant(grant.ID)); err != nil {
		return err
	}
	return errSuspendedGrant
}

var errSuspendedGrant = fosite.ErrInvalidGrant.WithHint(errSuspended.DescriptionField + " After that the user has to sign in again.")
