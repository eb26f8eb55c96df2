package authz

import (
	"context"
	"log/slog"

	"gatehouse/authz/outbox"
)

const reasonDisconnected = "disconnected"

// disconnect takes back everything that the user gave the client, or with an empty clientID every client, and waits for the
// gateways. ended is how many grants there were, also beside outbox.ErrUndelivered.
func (s *Server) disconnect(ctx context.Context, subject, clientID string) (ended, unconfirmed int, err error) {
	err = s.issuer.turns.take(ctx, subject, func() (err error) {
		if clientID == "" {
			ended, err = s.registry.EndGrantsOfSubject(ctx, subject, reasonDisconnected)
		} else {
			ended, err = s.registry.EndGrants(ctx, subject, clientID, reasonDisconnected)
		}
		return err
	})
	if err != nil {
		return ended, 0, err
	}
	if ended > 0 {
		s.log.InfoContext(ctx, "client disconnected", slog.String("client_id", clientID), slog.Int("grants", ended))
	}
	// Also when there was nothing to end: this may be the next try after a 503.
	unconfirmed, err = s.issuer.deliverOf(ctx, subject)
	return ended, unconfirmed, err
}

// deliverOf delivers what was taken back of the subject, and waits for the gateways. What a user has waiting can be much, so this is a
// step, too.
func (i *issuer) deliverOf(ctx context.Context, subject string) (unconfirmed int, err error) {
	own := outbox.RevokedOf(subject)
	if err := i.turns.take(ctx, subject, func() error { return i.relay.Deliver(ctx, own) }); err != nil {
		return 0, err
	}
	return i.relay.Confirm(ctx, own)
}
