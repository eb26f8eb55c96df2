package app

import (
	"log/slog"
	"time"

	"gatehouse/app/config"
	"gatehouse/authz/keyring"
	"gatehouse/registry"
)

// maxKeyringRefresh is how long a replica goes at most without reading the registry's keys, and so may sign with one that was
// revoked at another.
const maxKeyringRefresh = time.Second

// newKeyring is the signing keys in a registry, not opened yet.
func newKeyring(cfg config.Config, stored *registry.Registry, log *slog.Logger) *keyring.Keyring {
	times := keyring.Times{
		RotateEvery:  cfg.Keys.RotateEvery,
		PublishAhead: cfg.Keys.PublishAhead,
		LongestToken: cfg.AccessToken.MaxLifespan,
		ClockSkew:    cfg.ClockLeeway,
	}
	return &keyring.Keyring{
		Registry: stored,
		Secret:   cfg.Keys.Secret.Reveal(),
		Alg:      cfg.Keys.Alg,
		Schedule: times.Schedule(),
		Refresh:  min(maxKeyringRefresh, cfg.PublishSlack()/3), // so that a replica may fail to read twice
		Log:      log,
	}
}
