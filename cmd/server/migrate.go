package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/app"
	"gatehouse/app/config"
)

func newMigrate(configPath *string) *cobra.Command {
	var out output
	migrate := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Long: "Applies the migrations that the database lacks and prints each. Several may run at once, and while servers\n" +
			"serve; one that failed leaves nothing half done and can be run again. A database that a later version has\n" +
			"migrated is refused. Needs nothing of the configuration but database_url. Servers do the same when they start,\n" +
			"unless database_migrate is false.",
		Example: "  gatehouse migrate --config config.yaml\n" +
			"  GATEHOUSE_CONFIG= GATEHOUSE_DATABASE_URL=postgres://… gatehouse migrate",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadFor(*configPath, config.Needs{})
			if err != nil {
				return err
			}
			applied := []string{}
			if err := app.Migrate(cmd.Context(), cfg, func(migration string) {
				applied = append(applied, migration)
				if !out.json {
					_, _ = fmt.Fprintln(cmd.OutOrStdout(), "applied", migration) // it is, whether anyone reads it or not
				}
			}); err != nil {
				return namingDatabase(fmt.Errorf("migrate database: %w", err), cfg, *configPath)
			}
			return out.print(cmd, map[string][]string{"applied": applied}, func(t *table) { t.row("the schema is up to date") })
		},
	}
	out.flag(migrate)
	return migrate
}
