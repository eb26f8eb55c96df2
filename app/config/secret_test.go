package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

// A password is hidden where its query cannot be parsed, too.
func TestSecretURLWithAMalformedQuery(t *testing.T) {
	for _, query := range []string{"password=hun;ter2", "password=hunter2%zz", "sslmode=disable&password=a;hunter2"} {
		shown := config.SecretURL("postgres://user@db.example/gatehouse?" + query).String()
		require.Equal(t, "postgres://user@db.example/gatehouse?xxxxx", shown)
	}
}
