package app

import (
	"log/slog"
	"time"

	"gatehouse/authz"
	"gatehouse/registry"
)

const (
	// maxPublishedKeys bounds the JWKS, which every gateway reads again and again.
	maxPublishedKeys = 100
	// maxKeyringRefresh and minPublishSlack bound how often replicas read the registry's keys.
	maxKeyringRefresh = 10 * time.Second
	minPublishSlack   = time.Second
)

// keyring is the signing keys in a registry, not opened yet.
func (c *Config) keyring(stored *registry.Registry, log *slog.Logger) *authz.Keyring {
	times := authz.KeyTimes{
		RotateEvery:  c.Keys.RotateEvery,
		PublishAhead: c.Keys.PublishAhead,
		LongestToken: c.AccessToken.MaxLifespan,
		ClockSkew:    c.ClockLeeway,
	}
	return &authz.Keyring{
		Registry: stored,
		Secret:   c.Keys.Secret.Reveal(),
		Alg:      c.Keys.Alg,
		Schedule: times.Schedule(),
		Refresh:  min(maxKeyringRefresh, c.publishSlack()/3), // so that a replica may fail to read twice
		Log:      log,
	}
}

// publishSlack is what is left of the time for which a key is published before it signs, when those who go on longest
// with the JWKS from before have read it again: a gateway just before, from a cache that got it just before, and a replica
// whose clock is ahead signs already.
func (c *Config) publishSlack() time.Duration {
	return c.Keys.PublishAhead - c.Keys.JWKSMaxAge - c.Keys.JWKSRefresh - c.ClockLeeway
}

// rotation checks that keys follow each other slowly enough for everyone who has to know them.
func (c *Config) rotation(v *validation) {
	v.seconds("keys.jwks_max_age", c.Keys.JWKSMaxAge)
	v.atLeast("keys.jwks_refresh", c.Keys.JWKSRefresh, time.Second)
	if c.publishSlack() < minPublishSlack {
		v.add("keys.publish_ahead", "must exceed keys.jwks_max_age, keys.jwks_refresh and clock_leeway together by at least %s, or gateways "+
			"refuse tokens of a key that they do not know yet", minPublishSlack)
	}
}

// succession checks what only those who make keys do.
func (c *Config) succession(v *validation) {
	if c.Keys.RotateEvery <= max(0, c.Keys.PublishAhead) {
		v.add("keys.rotate_every", "must exceed keys.publish_ahead")
		return
	}
	if c.AccessToken.MaxLifespan/c.Keys.RotateEvery >= maxPublishedKeys {
		v.add("keys.rotate_every", "is so short for access_token.max_lifespan %s that more than %d keys would be published at a time",
			c.AccessToken.MaxLifespan, maxPublishedKeys)
	}
}
