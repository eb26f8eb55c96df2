package admin

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/keyring"
	"gatehouse/authz/outbox"
	"gatehouse/registry"
)

// Operator is what an administrator can do, the same from the admin API and from the command line. Every change leaves an
// audit record in the registry and a line in the log, both under the Actor; without its record no change is made. The
// methods are safe for concurrent use as long as the fields are not changed.
//
// What is revoked is confirmed by gateways within the Wait of the Relay.
//
// Errors are a *client.InvalidError, outbox.ErrUndelivered, keyring.ErrSuccessorPending, those of the registry
// (ErrNotFound, ErrExists), or say that the registry does not answer.
type Operator struct {
	Registry *registry.Registry
	Relay    *outbox.Relay
	Keyring  *keyring.Keyring
	// Scopes are those of the routes, with their descriptions.
	Scopes map[string]string
	// MaxAccessLifespan is how long the longest access token lives. Less than 8760 hours, the default, counts as those: there
	// may be tokens from before it was lowered.
	MaxAccessLifespan time.Duration
	// Budgets is what users let clients spend: its zone and what may be set. SpendUnits are the units, by scope.
	Budgets    *budget.Ledger
	SpendUnits map[string]string
	// Imports is how data of another server is taken over.
	Imports ImportOptions
	// Actor is who makes the changes, for people who read the audit records. It must not be empty.
	Actor string

	Log *slog.Logger     // slog.Default when nil
	Now func() time.Time // time.Now when nil
}

// by is the registry as this operator changes it.
func (o *Operator) by() *registry.Registry { return o.Registry.By(o.Actor) }

// lastExpiry is when no token is accepted any more that was minted up to now: by requests that are still being answered, by processes
// that have not heard of a change of the client, on clocks that differ from ours.
func (o *Operator) lastExpiry() time.Time {
	longest := max(o.MaxAccessLifespan, keyring.LongestToken)
	return clock(o.Now)().Add(client.Staleness + keyring.RequestTimeout + longest + 2*keyring.ClockSkew)
}

// note leaves the line in the log that goes with the audit record.
func (o *Operator) note(ctx context.Context, what string, on ...any) {
	log := cmp.Or(o.Log, slog.Default())
	log.InfoContext(ctx, what, append([]any{slog.String("actor", o.Actor)}, on...)...)
}

// clock is time.Now unless there is another.
func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}
