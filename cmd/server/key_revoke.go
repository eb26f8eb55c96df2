package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/keyring"
	"gatehouse/authz/outbox"
)

// keyRevocation is what was revoked, for programs. The names are those of the admin API.
type keyRevocation struct {
	Revoked   string        `json:"revoked"` // kid
	Signing   keyring.State `json:"signing"`
	Delivered bool          `json:"delivered"` // gateways can read it in Redis

	Unconfirmed *int `json:"unconfirmed_gateways,omitempty"` // that may not have read it yet; nothing when not delivered
}

func newKeyRevoke(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Redis: true, Keys: true}}
	var out output
	var yes confirmation
	revoke := &cobra.Command{
		Use:   "revoke KID",
		Short: "Withdraw a signing key that has leaked",
		Long: "Takes a signing key back for good: every token that it has signed is refused at once, and applications get\n" +
			"new ones with their refresh tokens. A successor that is published already takes over, or a new key. Gateways\n" +
			"that do not know that one yet answer its tokens with 503 until they have read the JWKS. Revoking again is no\n" +
			"error. A KID that begins with a dash comes after --.",
		Example: "  gatehouse key revoke 4tX0nKZ9s2mJr1bYwQ7uVhGqDpLzE5cAoR8iTfNjW3k\n" +
			"  gatehouse key revoke --yes --json -- -X0nKZ9s2mJr1bYwQ7uVhGqDpLzE5cAoR8iTfNjW3k",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := yes.possible(cmd); err != nil {
				return err
			}
			id := args[0]
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				if err := yes.ask(cmd, fmt.Sprintf("Revoke key %q, and with it every token that it has signed, for good?", id)); err != nil {
					return err
				}
				signing, missing, err := operator.RevokeKey(ctx, id)
				if err != nil && !errors.Is(err, outbox.ErrUndelivered) {
					return explain(err, "key", id)
				}
				done := keyRevocation{Revoked: id, Signing: signing, Delivered: err == nil}
				if done.Delivered {
					done.Unconfirmed = &missing
				}
				return errors.Join(err, out.print(cmd, done, func(t *table) {
					t.row(fmt.Sprintf("key %s revoked, %s signs", id, signing.ID) + unconfirmed(missing))
				}))
			})
		},
	}
	yes.flag(revoke)
	op.actorFlag(revoke)
	out.flag(revoke)
	return revoke
}
