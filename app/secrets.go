package app

import (
	"context"
	"fmt"
)

// checkSecrets refuses short secrets for a new installation, which is one whose database has never had a signing key. An old
// one is warned at each start, and so is one whose secret comes from oauth2server.
func (a *App) checkSecrets(ctx context.Context) error {
	short := a.config.ShortSecrets()
	if short == nil || a.options.ShortSecrets {
		return nil
	}
	if a.registry != nil {
		stored, err := a.registry.SigningKeys(ctx)
		if err != nil {
			return fmt.Errorf("signing keys: %w", err)
		}
		if refused := a.config.RefusedSecrets(); refused != nil && len(stored) == 0 {
			return fmt.Errorf("a new installation needs longer secrets:\n%w", refused)
		}
	}
	a.log.Warn("A SECRET IS SO SHORT THAT IT CAN BE GUESSED; change it soon (docs/operating.md, Changing a secret)", "problem", short)
	return nil
}
