package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

func TestHowUsersSignInIsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"sessions: {idle: 59s}":                                                  "sessions.idle: must be at least 1m0s",
		"sessions: {idle: 2h, absolute: 1h}":                                     "sessions.absolute: must be at least 2h0m0s",
		`users: {login_url: "host.example/login"}`:                               "users.login_url: must be an http or https URL",
		`users: {login_url: "javascript:alert(1)"}`:                              "users.login_url: must be an http or https URL",
		`users: {login_url: "https://u:p@host.example"}`:                         "users.login_url: must have no credentials",
		`users: {login_url: "https://host.example/#x"}`:                          "users.login_url: must have no credentials and no fragment",
		"issuer: https://a.example\nusers: {login_url: \"http://host.example\"}": "users.login_url: must be https",
		`users: {login_url: "https://host.example/login?lang=en"}`:               "",
		`users: {login_url: "http://localhost:3000/login"}`:                      "",
		"sessions: {idle: 1m, absolute: 1m}":                                     "",
	} {
		_, err := config.Load(writeFile(t, "config.yaml", validYAML+text+"\n"), config.Both, environment(nil))
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "u:p")
	}
}
