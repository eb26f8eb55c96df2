package outbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/outbox"
)

// TestWhoFindsARevocationDeliveredWaitsForTheGatewaysAllTheSame is the next try of a caller, at another replica, after the
// first one delivered it but could not say so.
func TestWhoFindsARevocationDeliveredWaitsForTheGatewaysAllTheSame(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.RevokeToken(t.Context(), "token", w.clock.Now().Add(time.Hour)))
	_, err := w.redis.SAdd("{gh}:gateways", "slow")
	require.NoError(t, err)
	require.NoError(t, w.redis.Set("{gh}:gateway:slow", "0-0"))
	require.NoError(t, w.relay.Deliver(t.Context(), outbox.RevokedToken("token")))
	require.Empty(t, w.pending())

	other := &outbox.Relay{Registry: w.registry, Denylist: w.denylist, Wait: 10 * time.Millisecond}
	unconfirmed, err := other.Confirm(t.Context(), outbox.RevokedToken("token"))
	require.NoError(t, err)
	require.Equal(t, 1, unconfirmed)

	other.Wait = 30 * time.Second
	go func() {
		time.Sleep(10 * time.Millisecond)
		_ = w.redis.Set("{gh}:gateway:slow", "9999999999999-0")
	}()
	unconfirmed, err = other.Confirm(t.Context(), outbox.RevokedToken("token"))
	require.NoError(t, err)
	require.Zero(t, unconfirmed, "it has read on")

	w.redis.SetError("LOADING")
	_, err = other.Confirm(t.Context(), outbox.RevokedToken("token"))
	require.ErrorIs(t, err, outbox.ErrUndelivered, "nobody can be asked")
}
