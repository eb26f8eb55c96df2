package main

import (
	"context"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/keyring"
)

func newKey(configPath *string) *cobra.Command {
	key := &cobra.Command{
		Use:   "key",
		Short: "List, rotate and revoke the signing keys",
		Example: "  gatehouse key list\n" +
			"  gatehouse key rotate\n" +
			"  gatehouse key revoke KID",
	}
	key.AddCommand(newKeyList(configPath), newKeyRotate(configPath), newKeyRevoke(configPath))
	return key
}

func newKeyList(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Keys: true}}
	var out output
	list := &cobra.Command{
		Use:   "list",
		Short: "List the signing keys and what each of them does now",
		Long: "Prints the keys that are needed now, newest first. A key is published before it signs, and verifies after\n" +
			"that until the last token that it signed has expired.",
		Example: "  gatehouse key list\n" +
			"  gatehouse key list --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				keys, err := operator.Keys(ctx)
				if err != nil {
					return err
				}
				return out.print(cmd, keys, func(t *table) { keyTable(t, keys...) })
			})
		},
	}
	out.flag(list)
	return list
}

func newKeyRotate(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Keys: true}}
	var out output
	rotate := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the signing key",
		Long: "Publishes a new key at once; it signs a few minutes later, when every gateway knows it, and no token is\n" +
			"refused because of it. While a successor is published that does not sign yet, there is nothing to rotate:\n" +
			"exit code 1.",
		Example: "  gatehouse key rotate\n" +
			"  gatehouse key rotate --actor 'on call' --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				key, err := operator.Rotate(ctx)
				if err != nil {
					return explain(err, "key", key.ID)
				}
				return out.print(cmd, key, func(t *table) { keyTable(t, key) })
			})
		},
	}
	op.actorFlag(rotate)
	out.flag(rotate)
	return rotate
}

func keyTable(t *table, keys ...keyring.State) {
	t.row("ID", "ALGORITHM", "STATE", "SIGNS FROM", "CREATED")
	for _, k := range keys {
		t.row(k.ID, k.Algorithm, string(k.Use), when(k.SignsFrom), when(k.CreatedAt))
	}
}
