package admin

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse/authz/client"
	"gatehouse/authz/keyring"
	"gatehouse/authz/outbox"
	"gatehouse/registry"
)

// reasonRevoked is why a grant has ended.
const reasonRevoked = "revoked"

// Target is what is to be revoked: exactly one of the token, the grant, the client, the subject, and the subject's sessions.
type Target struct {
	// TokenID is the jti of an access token; TokenExpires its exp, if that is known: without it the token is denied for
	// as long as the longest token lives.
	TokenID      string
	TokenExpires time.Time
	// GrantID ends a grant: its access tokens, its refresh token, its code.
	GrantID string
	// ClientID disables a client for good: everything it has ends, and it gets nothing more.
	ClientID string
	// Subject is a user, each of whose grants and sessions ends. The user can sign in and authorize clients again.
	Subject string
	// SessionsOf is a user who is signed out of every browser, and nothing else.
	SessionsOf string
}

// Revoked is what became of a revocation.
type Revoked struct {
	// Count is 1, or how many grants of a subject there were to end; or how many of its sessions, where only these were to.
	Count int
	// Sessions is in how many browsers the subject was signed in.
	Sessions int
	// Unconfirmed is how many gateways could not be heard from in time: each of them may let pass what was revoked until it
	// has read on.
	Unconfirmed int
}

// Revoke takes back the target and returns nil when every gateway refuses what it led to that could be heard from. Revoking
// again is no error. registry.ErrNotFound for a grant or client that does not exist; nobody can tell whether a token or a
// subject does.
func (o *Operator) Revoke(ctx context.Context, target Target) (done Revoked, err error) {
	kind, id, err := target.only()
	if err != nil {
		return done, err
	}
	if who := target.Subject + target.SessionsOf; who != "" { // before the grants: none is made in them after that
		if done.Sessions, err = o.by().EndSessionsOf(ctx, who); err != nil {
			return done, err
		}
		if done.Sessions > 0 || target.SessionsOf != "" {
			o.note(ctx, "sessions ended", slog.String("id", who), slog.Int("sessions", done.Sessions))
		}
	}
	if target.SessionsOf != "" {
		done.Count = done.Sessions
		return done, nil
	}
	revoked, err := o.revoke(ctx, target)
	switch {
	case err == nil:
		o.note(ctx, "revoked", slog.String("kind", kind), slog.String("id", id), slog.Int("revoked", revoked))
	case !errors.Is(err, registry.ErrNotFound):
		return done, err
	}
	// Also when there is nothing to revoke: this may be the next try after ErrUndelivered.
	unconfirmed, undelivered := o.Relay.Confirm(ctx, target.revoked())
	done.Count, done.Unconfirmed = revoked, unconfirmed
	if undelivered != nil {
		return done, undelivered
	}
	return done, err
}

func (o *Operator) revoke(ctx context.Context, target Target) (revoked int, err error) {
	switch {
	case target.Subject != "":
		return o.by().EndGrantsOfSubject(ctx, target.Subject, reasonRevoked)
	case target.GrantID != "":
		err = o.by().EndGrant(ctx, target.GrantID, reasonRevoked)
	case target.ClientID != "":
		err = o.disable(ctx, target.ClientID)
	case target.TokenExpires.IsZero():
		err = o.revokeToken(ctx, target.TokenID)
	default:
		err = o.by().RevokeToken(ctx, target.TokenID, target.TokenExpires.Add(keyring.ClockSkew))
	}
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// revokeToken revokes a token of which only the jti is known, until the longest token has expired that it can be. One that was
// taken over of another server may live longer than any of ours.
func (o *Operator) revokeToken(ctx context.Context, jti string) error {
	until := o.lastExpiry()
	grant, err := o.Registry.Grant(ctx, jti) // an imported token has the id of its grant
	switch {
	case err == nil && grant.AccessExpiresAt.Add(keyring.ClockSkew).After(until):
		until = grant.AccessExpiresAt.Add(keyring.ClockSkew)
	case err != nil && !errors.Is(err, registry.ErrNotFound):
		return err
	}
	return o.by().RevokeToken(ctx, jti, until)
}

// revoked is what the target's revocation is delivered as.
func (t Target) revoked() outbox.Revoked {
	switch {
	case t.Subject != "":
		return outbox.RevokedOf(t.Subject)
	case t.GrantID != "":
		return outbox.RevokedGrant(t.GrantID)
	case t.ClientID != "":
		return outbox.RevokedClient(t.ClientID)
	default:
		return outbox.RevokedToken(t.TokenID)
	}
}

// only is the one thing that the target names.
func (t Target) only() (kind, id string, err error) {
	for _, named := range []struct{ kind, id string }{
		{"token", t.TokenID}, {"grant", t.GrantID}, {"client", t.ClientID}, {"user", t.Subject},
		{"sessions", t.SessionsOf},
	} {
		switch {
		case named.id == "":
		case id != "":
			return "", "", errOneTarget
		default:
			kind, id = named.kind, named.id
		}
	}
	if id == "" {
		return "", "", errOneTarget
	}
	return kind, id, nil
}

var errOneTarget = &client.InvalidError{Problems: []error{errors.New("exactly one of token, grant, client, user and sessions_of is required")}}
