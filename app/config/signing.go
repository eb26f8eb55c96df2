package config

import (
	"time"

	"gatehouse/keys"
)

const (
	// minSecretLength is that of a secret that seals keys: 32 characters of a random text are enough.
	minSecretLength = 32
	// maxPublishedKeys bounds the JWKS, which every gateway reads again and again.
	maxPublishedKeys = 100
)

// checkSigning is about what an authorization server makes and seals keys with.
func (c *Config) checkSigning(v *validation) {
	v.oneOf("keys.alg", c.Keys.Alg, keys.ES256, keys.RS256, keys.EdDSA)
	if c.Keys.Secret == "" {
		v.add("keys.secret", "is required: at least %d characters, the same in every replica (openssl rand -hex 32 makes a good one)", minSecretLength)
	} else if len(c.Keys.Secret) < minSecretLength {
		v.add("keys.secret", "must be at least %d characters", minSecretLength)
	}
	c.checkPublishing(v)
	c.checkRotation(v)
}

// checkPublishing is about everyone who has to know a key before it signs, gateways on their own included.
func (c *Config) checkPublishing(v *validation) {
	v.seconds("keys.jwks_max_age", c.Keys.JWKSMaxAge)
	v.atLeast("keys.jwks_refresh", c.Keys.JWKSRefresh, time.Second)
	if c.PublishSlack() < minPublishSlack {
		v.add("keys.publish_ahead", "must exceed keys.jwks_max_age, keys.jwks_refresh and clock_leeway together by at least %s, or gateways "+
			"refuse tokens of a key that they do not know yet", minPublishSlack)
	}
}

func (c *Config) checkRotation(v *validation) {
	if c.Keys.RotateEvery <= max(0, c.Keys.PublishAhead) {
		v.add("keys.rotate_every", "must exceed keys.publish_ahead")
		return
	}
	if c.AccessToken.MaxLifespan/c.Keys.RotateEvery >= maxPublishedKeys {
		v.add("keys.rotate_every", "is so short for access_token.max_lifespan %s that more than %d keys would be published at a time",
			c.AccessToken.MaxLifespan, maxPublishedKeys)
	}
}
