package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gatehouse/authz"
	"gatehouse/authz/client"
)

func newClientUpdate(configPath *string) *cobra.Command {
	op := operation{configPath: configPath}
	var out output
	update := &cobra.Command{
		Use:   "update ID",
		Short: "Change a client",
		Long: "Changes what is given and leaves the rest as it is; an empty value clears what can be empty. What clients were\n" +
			"given before stays as it is.",
		Example: "  server client update VqX3ZkF0bN1yTtWc --name 'A better name'\n" +
			"  server client update VqX3ZkF0bN1yTtWc --scope balance:read --scope invoices:read\n" +
			"  server client update VqX3ZkF0bN1yTtWc --image-url ''",
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
	grantTypes := flags.StringSlice("grant-type", nil, "grant types instead of the present ones; can be repeated")
	update.RunE = func(cmd *cobra.Command, args []string) error {
		change := client.Change{
			Name:          changed(flags, "name", name),
			URL:           changed(flags, "url", url),
			ImageURL:      changed(flags, "image-url", imageURL),
			Domain:        changed(flags, "domain", domain),
			RedirectURIs:  changed(flags, "redirect-uri", redirectURIs),
			Scopes:        changed(flags, "scope", scopes),
			DefaultScopes: changed(flags, "default-scope", defaultScopes),
			GrantTypes:    changed(flags, "grant-type", grantTypes),
		}
		if change == (client.Change{}) {
			return misused(cmd, errors.New("nothing is to be changed"))
		}
		if change.RedirectURIs != nil && len(*redirectURIs) == 1 && (*redirectURIs)[0] == "" {
			*redirectURIs = nil
		}
		op.needs.Routes = change.Scopes != nil || change.DefaultScopes != nil
		return op.run(cmd, func(ctx context.Context, operator *authz.Operator) error {
			client, err := operator.UpdateClient(ctx, args[0], change)
			if err != nil {
				return explain(err, "client", args[0])
			}
			return out.print(cmd, recordOf(client), func(t *table) { clientDetails(t, client, "") })
		})
	}
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

func newClientSecret(configPath *string) *cobra.Command {
	op := operation{configPath: configPath}
	var out output
	secret := &cobra.Command{
		Use:   "secret ID",
		Short: "Give a client a new secret",
		Long: "Prints a new secret. It is shown this once: only a hash is kept. The old one is void at once; tokens that the\n" +
			"client has stay good.",
		Example: "  server client secret VqX3ZkF0bN1yTtWc\n" +
			"  server client secret VqX3ZkF0bN1yTtWc --json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return op.run(cmd, func(ctx context.Context, operator *authz.Operator) error {
				secret, err := operator.NewSecret(ctx, args[0])
				if err != nil {
					return explain(err, "client", args[0])
				}
				client, err := operator.Client(ctx, args[0])
				if err != nil {
					client.ID = args[0] // the secret exists, and has to be shown
				}
				return out.print(cmd, createdOf(client, secret), func(t *table) { clientDetails(t, client, secret) })
			})
		},
	}
	op.actorFlag(secret)
	out.flag(secret)
	return secret
}
