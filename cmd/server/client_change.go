package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/client"
)

func newClientUpdate(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Tells: true}}
	var out output
	update := &cobra.Command{
		Use:   "update ID",
		Short: "Change a client",
		Long: "Changes what is given and leaves the rest as it is; an empty value clears what can be empty. What clients were\n" +
			"given before stays as it is.",
		Example: "  gatehouse client update VqX3ZkF0bN1yTtWc --name 'A better name'\n" +
			"  gatehouse client update VqX3ZkF0bN1yTtWc --scope balance:read --scope invoices:read\n" +
			"  gatehouse client update VqX3ZkF0bN1yTtWc --image-url ''",
		Args: cobra.ExactArgs(1),
	}
	flags := update.Flags()
	name := flags.String("name", "", "name that users are shown")
	url := flags.String("url", "", "landing page")
	imageURL := flags.String("image-url", "", "picture that users are shown")
	domain := flags.String("domain", "", "callback: every path of an origin, * for one label of its host")
	redirectURIs := flags.StringArray("redirect-uri", nil, "callbacks instead of the present ones; can be repeated")
	scopes := flags.StringSlice("scope", nil, "scopes instead of the present ones; can be repeated; '' for all")
	defaultScopes := flags.StringSlice("default-scope", nil,
		"scopes of a request that names none, instead of the present ones; can be repeated; '' for none")
	requiredScopes := flags.StringSlice("required-scope", nil,
		"scopes that users cannot leave out, instead of the present ones; can be repeated; '' for none")
	grantTypes := flags.StringSlice("grant-type", nil, "grant types instead of the present ones; can be repeated")
	dpopBound := flags.Bool("dpop-bound", false, "whether it gets only access tokens that are bound to a key of its own (DPoP)")
	pushedOnly := flags.Bool("require-pushed", false, "whether it has to push its authorization requests (RFC 9126)")
	keysFile := flags.String("jwks", "", "file with its public keys (JWKS), instead of the keys or the secret that it has, which are void at once")
	keysURL := flags.String("jwks-uri", "", "https URL of its public keys, likewise")
	update.RunE = func(cmd *cobra.Command, args []string) error {
		keys, err := readKeys(*keysFile)
		if err != nil {
			return misused(cmd, err)
		}
		change := client.Change{
			Name:           changed(flags, "name", name),
			URL:            changed(flags, "url", url),
			ImageURL:       changed(flags, "image-url", imageURL),
			Domain:         changed(flags, "domain", domain),
			RedirectURIs:   changed(flags, "redirect-uri", redirectURIs),
			Scopes:         changed(flags, "scope", scopes),
			DefaultScopes:  changed(flags, "default-scope", defaultScopes),
			RequiredScopes: changed(flags, "required-scope", requiredScopes),
			GrantTypes:     changed(flags, "grant-type", grantTypes),
			DPoPBound:      changed(flags, "dpop-bound", dpopBound),
			PushedOnly:     changed(flags, "require-pushed", pushedOnly),
			Keys:           changed(flags, "jwks", &keys),
			KeysURL:        changed(flags, "jwks-uri", keysURL),
		}
		if change == (client.Change{}) {
			return misused(cmd, errors.New("nothing is to be changed"))
		}
		if change.RedirectURIs != nil && len(*redirectURIs) == 1 && (*redirectURIs)[0] == "" {
			*redirectURIs = nil
		}
		op.needs.Routes = change.Scopes != nil || change.DefaultScopes != nil || change.RequiredScopes != nil
		return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
			client, err := operator.UpdateClient(ctx, args[0], change)
			if err != nil {
				return explain(err, "client", args[0])
			}
			return out.print(cmd, recordOf(client), func(t *table) { clientDetails(t, client, "") })
		})
	}
	completeFlag(update, "grant-type", client.AuthorizationCode, client.RefreshToken, client.ClientCredentials)
	op.actorFlag(update)
	out.flag(update)
	return update
}

// changed is the flag's value, or nil when it was not given.
func changed[T any](flags *pflag.FlagSet, name string, value *T) *T {
	if !flags.Changed(name) {
		return nil
	}
	return value
}
