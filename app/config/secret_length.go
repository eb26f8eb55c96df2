package config

import (
	"errors"
	"fmt"
)

// ShortSecrets names the secrets that could be guessed: jwt_secret and admin.token, where they are set to less than 32 bytes.
// An installation that has grown with such a secret goes on with it; a new one must not begin so.
func (c *Config) ShortSecrets() error {
	var problems []error
	for _, one := range []struct {
		key    string
		secret Secret
		means  string
	}{
		{"jwt_secret", c.JWTSecret, "who guesses it can be any user"},
		{"admin.token", c.Admin.Token, "who guesses it can use the admin API"},
	} {
		if one.secret != "" && len(one.secret) < minSecretLength {
			problems = append(problems, fmt.Errorf("%s: has fewer than %d bytes: %s (openssl rand -hex 32 makes a good one)",
				one.key, minSecretLength, one.means))
		}
	}
	return errors.Join(problems...)
}
