package authz

import (
	"context"
	"errors"
	"log/slog"

	"github.com/ory/fosite"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/outbox"
	"gatehouse/authz/user"
	"gatehouse/registry"
)

const reasonSuspended = "suspended"

// requireStanding ends the grant, and the sessions, of a user whose account was suspended or deleted since, so that it refreshes no more: the
// user has to sign in again. As long as nobody says so, the user is not suspended: whoever could tell may be restarting.
func (i *issuer) requireStanding(ctx context.Context, grant registry.Grant) error {
	if i.standing == nil || grant.Ended() {
		return nil
	}
	err := i.standing.CheckStanding(ctx, grant.Subject)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, user.ErrSuspended):
		i.log.DebugContext(ctx, "refreshed without knowing whether the user is suspended", slog.Any("cause", err))
		return nil
	}
	if _, err := i.registry.EndSessionsOf(ctx, grant.Subject); err != nil {
		return err
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

// isSuspended reports whether the user, who is signed in and about to allow an application something, was suspended or deleted
// since signing in. It then has ended each session of that user. As at a refresh, nobody is suspended as long as nobody says so.
func (s *Server) isSuspended(ctx context.Context, subject string) (bool, error) {
	if s.issuer.standing == nil {
		return false, nil
	}
	err := s.issuer.standing.CheckStanding(ctx, subject)
	switch {
	case err == nil:
		return false, nil
	case !errors.Is(err, user.ErrSuspended):
		s.log.DebugContext(ctx, "allowed without knowing whether the user is suspended", slog.Any("cause", err))
		return false, nil
	}
	if _, err := s.registry.EndSessionsOf(ctx, subject); err != nil {
		return true, err
	}
	s.log.InfoContext(ctx, "sessions ended: the user is suspended", slog.String("subject", subject))
	return true, nil
}

var errSuspendedGrant = fosite.ErrInvalidGrant.WithHint(endpoint.ErrSuspended.DescriptionField + " After that the user has to sign in again.")
