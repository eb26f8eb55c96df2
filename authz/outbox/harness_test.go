package outbox_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"gatehouse/authz/internal/authztest"
	"gatehouse/authz/outbox"
	"gatehouse/denylist"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// world is a registry and a denylist with a relay between them.
type world struct {
	*testing.T
	registry *registry.Registry
	redis    *miniredis.Miniredis
	denylist *denylist.Store
	relay    *outbox.Relay
	clock    *registrytest.Clock
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: authztest.NewClock()}
	w.registry = authztest.NewRegistry(t, w.clock)
	w.denylist, w.redis = authztest.NewDenylist(t, w.clock)
	w.relay = &outbox.Relay{Registry: w.registry, Denylist: w.denylist}
	require.NoError(t, w.relay.Fill(t.Context()))
	return w
}

// check asks the denylist, and again where Redis was too slow for the question: how long it takes is for the machine to say.
func (w *world) check(ctx context.Context, token string) error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := w.denylist.Check(ctx, denylist.Query{TokenID: token, ClientID: "app"})
		var network net.Error
		if tooSlow := errors.As(err, &network) && network.Timeout(); !tooSlow || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
	}
}
