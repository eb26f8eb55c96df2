package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

func TestAMisspeltVariableIsAnsweredWithTheOneThatWasMeant(t *testing.T) {
	for name, meant := range map[string]string{
		"GATEHOUSE_ADMIN_TOKN":               "GATEHOUSE_ADMIN_TOKEN",
		"GATEHOUSE_ADMIN_TOEKN":              "GATEHOUSE_ADMIN_TOKEN",
		"GATEHOUSE_DATABASE_URI":             "GATEHOUSE_DATABASE_URL",
		"GATEHOUSE_DATABASEURL":              "GATEHOUSE_DATABASE_URL",
		"GATEHOUSE_DB_URL":                   "GATEHOUSE_DATABASE_URL",
		"GATEHOUSE_JWT_SECRETS":              "GATEHOUSE_JWT_SECRET",
		"GATEHOUSE_KEY_SECRET":               "GATEHOUSE_KEYS_SECRET",
		"GATEHOUSE_DENYLIST_ON_UNAVAILABLE_": "GATEHOUSE_DENYLIST_ON_UNAVAILABLE",
		"GATEHOUSE_LISTENS":                  "GATEHOUSE_LISTEN",
		"GATEHOUSE_TARGET_FILE":              "GATEHOUSE_TARGETS_FILE",
		"GATEHOUSE_CONFIGS":                  "GATEHOUSE_CONFIG",
	} {
		_, err := config.LoadForOperator("", config.Needs{}, environment(map[string]string{name: "x"}))
		require.ErrorContains(t, err, "environment "+name+": there is no such key; did you mean "+meant+"?")
	}
	for _, name := range []string{"GATEHOUSE_COLOUR_OF_THE_ROOF", "GATEHOUSE_PORT", "GATEHOUSE_"} {
		_, err := config.LoadForOperator("", config.Needs{}, environment(map[string]string{name: "x"}))
		require.ErrorContains(t, err, "there is no such key")
		require.NotContains(t, err.Error(), "did you mean", name)
	}
}

func TestWhereTheDatabaseWasConfigured(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte("# a comment\nadmin:\n  listen: 127.0.0.1:1\n\ndatabase_url: sqlite:x.db\n"), 0o600))
	other := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(other, []byte("issuer: http://localhost\n"), 0o600))
	for _, test := range []struct {
		path    string
		environ []string
		want    string
	}{
		{file, nil, file + ", line 5"},
		{other, nil, "the default"},
		{"", nil, "the default"},
		{"missing.yaml", nil, "the default"},
		{file, []string{"DATABASE_URI=x"}, "environment DATABASE_URI"},
		{file, []string{"DATABASE_URI=x", "GATEHOUSE_DATABASE_URL=x"}, "environment GATEHOUSE_DATABASE_URL"},
		{file, []string{"GATEHOUSE_DATABASE_URLS=x"}, file + ", line 5"},
	} {
		require.Equal(t, test.want, config.DatabaseSource(test.path, test.environ))
	}
}

func TestAURLPrintsNoPasswordWhereverItIs(t *testing.T) {
	for url, shown := range map[config.SecretURL]string{
		"postgres://u:unspeakable@h/d":                           "postgres://u:xxxxx@h/d",
		"postgres://h/d?user=u&password=unspeakable":             "postgres://h/d?password=xxxxx&user=u",
		"postgres://h/d?sslpassword=unspeakable&sslmode=require": "postgres://h/d?sslmode=require&sslpassword=xxxxx",
		"postgres://u@h/d?sslmode=disable":                       "postgres://u@h/d?sslmode=disable",
		"postgres://u:%unspeakable@h/d":                          "<hidden>",
		"sqlite:/data/gatehouse.db":                              "sqlite:/data/gatehouse.db",
	} {
		require.Equal(t, shown, url.String())
	}
}
