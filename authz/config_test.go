package authz_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
)

func TestEveryProblemOfTheConfigurationIsReportedAtOnce(t *testing.T) {
	_, err := authz.New(authz.Config{
		Issuer:            "https://issuer.example/",
		AccessLifespan:    1500 * time.Millisecond,
		MaxAccessLifespan: time.Second,
		Risks:             map[string]authz.Risk{"x": "none"},
		RefreshGrace:      -1,
		RefreshSecret:     bytes.Repeat([]byte("x"), 31),
		TrustedOrigins:    []string{"https://app.example", "http://app.example", "https://app.example/"},
	})
	require.Error(t, err)
	for _, problem := range []string{"issuer", "whole seconds", "maximum", "negative", "32 bytes", "registry and denylist", "keyring", "risk of scope x",
		`trusted origin "http://app.example" must be https`, `trusted origin "https://app.example/" is not of the form`} {
		require.ErrorContains(t, err, problem)
	}
	for _, issuer := range []string{"", "issuer.example", "ftp://issuer.example", "https://issuer.example?x", "https://issuer.example#x", "https://"} {
		_, err := authz.New(authz.Config{Issuer: issuer})
		require.ErrorContains(t, err, "issuer", issuer)
	}
}
