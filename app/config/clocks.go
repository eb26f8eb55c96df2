package config

import (
	"time"

	"gatehouse/authz/keyring"
)

// The clocks of an installation differ. Five constants allow for that; each belongs to the room that uses it. This is how
// they depend on each other, held by TestWhatAllowsForClocksThatDifferFitsTogether:
//
//   - clock_leeway is at most keyring.ClockSkew: what a gateway accepts from a clock that is ahead, authz counts on. A
//     revocation is kept until the token's expiry and ClockSkew.
//   - denylist.ClockMargin is at least twice keyring.ClockSkew: the clock by which an entry is removed may differ from the one
//     by which it was written, and the gateway's from that one.
//   - outbox.PurgeMargin exceeds denylist.ClockMargin: the registry keeps a revocation for longer than Redis needs it, so
//     that a Redis that has lost everything is filled with all of them.
//   - keyring.Retention exceeds outbox.PurgeMargin: a signing key cannot be had again, so it stays longest.
//
// clock_leeway is a part of keys.publish_ahead, too: see PublishSlack.

// maxClockLeeway is the most that clock_leeway can be.
const maxClockLeeway = keyring.ClockSkew

// minPublishSlack is enough for replicas to read the registry's keys in time.
const minPublishSlack = time.Second

// PublishSlack is how much time a replica has to read a new key from the registry. A key is published for
// keys.publish_ahead before it signs. Of that, those who know the JWKS latest take their part: a cache that read it just
// before, a gateway that read it from the cache just before that ended, and a replica whose clock is ahead and that signs
// already.
func (c *Config) PublishSlack() time.Duration {
	return c.Keys.PublishAhead - c.Keys.JWKSMaxAge - c.Keys.JWKSRefresh - c.ClockLeeway
}
