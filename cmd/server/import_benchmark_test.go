package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/oauth2server"
	"gatehouse/authz/oauth2server/sourcetest"
	"gatehouse/registry/registrytest"
)

// BenchmarkImport is an installation of the size that has to be taken over in under a minute, from Postgres to Postgres.
func BenchmarkImport(b *testing.B) {
	for name, secret := range map[string]string{"drawn": "", "chosen": "'a word that somebody chose'"} {
		b.Run(name+" secrets", func(b *testing.B) {
			source := sourcetest.New(b)
			source.Fill(1000, 100_000)
			if secret != "" {
				source.Exec("UPDATE oauth2_clients SET data = jsonb_set(data::jsonb, '{Secret}', to_jsonb(" + secret + "::text))::text")
			}
			for b.Loop() {
				b.StopTimer()
				cfg := config.Default()
				cfg.DatabaseURL = config.SecretURL(registrytest.PostgresDatabase(b))
				require.NoError(b, app.Migrate(b.Context(), cfg, func(string) {}))
				operator, closeAll, err := app.Operate(b.Context(), cfg, config.Needs{Bulk: true}, "benchmark", nil)
				require.NoError(b, err)
				b.StartTimer()
				from, err := oauth2server.Open(b.Context(), source.URL)
				require.NoError(b, err)
				report, err := operator.ImportOAuth2Server(b.Context(), from, admin.ImportRun{})
				require.NoError(b, err)
				require.Equal(b, 1000, report.Clients)
				require.Equal(b, 100_000, report.Grants)
				require.NoError(b, from.Close())
				b.StopTimer()
				require.NoError(b, closeAll())
				b.StartTimer()
			}
		})
	}
}
