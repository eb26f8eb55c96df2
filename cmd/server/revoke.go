package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/outbox"
)

// revocation is what was revoked, for programs. The names are those of the admin API.
type revocation struct {
	Token      string `json:"token,omitempty"` // jti
	Grant      string `json:"grant,omitempty"`
	Client     string `json:"client,omitempty"`
	User       string `json:"user,omitempty"`
	Grants     *int   `json:"grants,omitempty"` // of the user, that have ended
	SessionsOf string `json:"sessions_of,omitempty"`
	Sessions   *int   `json:"sessions,omitempty"` // of the user, that have ended
	Delivered  bool   `json:"delivered"`          // gateways can read it in Redis

	Unconfirmed *int `json:"unconfirmed_gateways,omitempty"` // that may not have read it yet; nothing when not delivered
}

func newRevoke(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Redis: true}}
	var out output
	var yes confirmation
	var target admin.Target
	revoke := &cobra.Command{
		Use:   "revoke (--jti | --grant | --client | --user | --sessions-of) ID",
		Short: "Revoke a token, a grant, a client, everything of a user, or a user's sessions",
		Long: "Takes back exactly one thing, for good, and ends when every gateway refuses what it led to, or after\n" +
			"revocation.wait with the number of gateways that could not be heard from:\n" +
			"  --jti     one access token, by its claim jti\n" +
			"  --grant   what one user gave one client at one time: its access tokens, its refresh token\n" +
			"  --client  everything a client has; it gets nothing more, and there is no way back\n" +
			"  --user    each grant and session of a user, who can sign in and authorize clients again\n" +
			"  --sessions-of  only the sessions: the user is signed out of every browser\n" +
			"Revoking again is no error.",
		Example: "  gatehouse revoke --user 42\n" +
			"  gatehouse revoke --jti 4A4KWDHA3U7L7J7QTNTNOBLYHR --yes --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			kind, id, err := onlyTarget(cmd, target)
			if err != nil {
				return misused(cmd, err)
			}
			if err := yes.possible(cmd); err != nil {
				return err
			}
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				if err := yes.ask(cmd, fmt.Sprintf("Revoke %s %q for good?", kind, id)); err != nil {
					return err
				}
				taken, err := operator.Revoke(ctx, target)
				if err != nil && !errors.Is(err, outbox.ErrUndelivered) {
					return explain(err, kind, id)
				}
				done := revocation{
					Token: target.TokenID, Grant: target.GrantID, Client: target.ClientID, User: target.Subject,
					SessionsOf: target.SessionsOf, Delivered: err == nil,
				}
				if done.Delivered {
					done.Unconfirmed = &taken.Unconfirmed
				}
				said := fmt.Sprintf("%s %s revoked", kind, id)
				if target.Subject != "" {
					done.Grants = &taken.Count
					said = fmt.Sprintf("%d grants of user %s ended", taken.Count, id)
				}
				if target.SessionsOf != "" || taken.Sessions > 0 {
					done.Sessions = &taken.Sessions
				}
				switch {
				case target.SessionsOf != "":
					said = fmt.Sprintf("%d sessions of user %s ended", taken.Sessions, id)
				case taken.Sessions > 0:
					said += fmt.Sprintf(", and %d sessions", taken.Sessions)
				}
				return errors.Join(err, out.print(cmd, done, func(t *table) { t.row(said + unconfirmed(taken.Unconfirmed)) }))
			})
		},
	}
	flags := revoke.Flags()
	flags.StringVar(&target.TokenID, "jti", "", "revoke the access token with this jti")
	flags.StringVar(&target.GrantID, "grant", "", "end the grant with this id")
	flags.StringVar(&target.ClientID, "client", "", "disable the client with this id")
	flags.StringVar(&target.Subject, "user", "", "end every grant and session of the user with this id (sub)")
	flags.StringVar(&target.SessionsOf, "sessions-of", "", "end only the sessions of the user with this id (sub)")
	yes.flag(revoke)
	op.actorFlag(revoke)
	out.flag(revoke)
	return revoke
}

// unconfirmed is what a person reads after what was done.
func unconfirmed(gateways int) string {
	if gateways == 0 {
		return ""
	}
	return fmt.Sprintf("; %d gateways have not confirmed it in time and may not know yet", gateways)
}

// onlyTarget is the one thing that is to be revoked.
func onlyTarget(cmd *cobra.Command, target admin.Target) (kind, id string, err error) {
	named := 0
	for _, selector := range []struct{ flag, kind, id string }{
		{"jti", "token", target.TokenID},
		{"grant", "grant", target.GrantID},
		{"client", "client", target.ClientID},
		{"user", "user", target.Subject},
		{"sessions-of", "sessions of", target.SessionsOf},
	} {
		if cmd.Flags().Changed(selector.flag) {
			kind, id = selector.kind, selector.id
			named++
		}
	}
	if named != 1 || id == "" {
		return "", "", errors.New("exactly one of --jti, --grant, --client, --user and --sessions-of is required")
	}
	return kind, id, nil
}
