package app

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/keys"
	"gatehouse/registry"
)

// minSecretLength is what a secret that seals keys must have at least: 32 characters of a random text are enough.
const minSecretLength = 32

// maxClockLeeway is what revocations allow for: they are kept that much longer than the tokens they are about.
const maxClockLeeway = time.Minute

// Validate reports every problem of the configuration at once, each naming its key. It asks no other server. What a role
// has no use for is not required of it.
func (c *Config) Validate(role Role) error {
	return errors.Join(c.problems(role)...)
}

func (c *Config) problems(role Role) []error {
	v := &validation{}
	v.address("listen", c.Listen)
	v.address("admin.listen", c.Admin.Listen)
	if c.Admin.Token == "" && !isLoopback(c.Admin.Listen) {
		v.add("admin.token", "is required because admin.listen %q is not a loopback address", c.Admin.Listen)
	}
	v.url("issuer", c.Issuer)
	if parsed, err := url.Parse(c.Issuer); err == nil && strings.HasSuffix(parsed.Path, "/") {
		v.add("issuer", "must not end with a slash")
	}
	if c.LNDHubURL != "" {
		v.url("lndhub_url", c.LNDHubURL)
	}
	switch {
	case c.RedisURL != embeddedRedis:
		v.err("redis_url", denylist.ValidateURL(c.RedisURL.Reveal()))
	case role != Both:
		v.add("redis_url", "must not be %s here: other processes have to reach it", embeddedRedis)
	}
	if role.hasAuthz() {
		c.durable(v)
	} else {
		c.rotation(v)
	}
	if role == GatewayOnly || c.Keys.JWKSURL != "" {
		v.url("keys.jwks_url", c.Keys.JWKSURL)
	}

	v.seconds("access_token.lifespan", c.AccessToken.Lifespan)
	v.seconds("access_token.max_lifespan", c.AccessToken.MaxLifespan)
	if c.AccessToken.Lifespan > c.AccessToken.MaxLifespan {
		v.add("access_token.lifespan", "must not exceed access_token.max_lifespan")
	}
	v.seconds("refresh_token.lifespan", c.RefreshToken.Lifespan)
	if c.RefreshToken.Grace < 0 || c.RefreshToken.Grace >= c.RefreshToken.Lifespan {
		v.add("refresh_token.grace", "must be at least 0 and less than refresh_token.lifespan")
	}

	v.oneOf("denylist.mode", c.Denylist.Mode, Mirror, Strict)
	v.oneOf("denylist.on_unavailable", c.Denylist.OnUnavailable, gateway.Deny, gateway.Allow)
	v.positive("denylist.max_staleness", c.Denylist.MaxStaleness)

	if c.TokenCache.Size < 0 {
		v.add("token_cache.size", "must not be negative")
	}
	if c.ClockLeeway < 0 || c.ClockLeeway > maxClockLeeway {
		v.add("clock_leeway", "must be 0 to %s, not %s", maxClockLeeway, c.ClockLeeway)
	}
	_, err := gateway.ParseTrustedProxies(c.TrustedProxies)
	v.err("trusted_proxies", err)
	c.callers(v)
	v.positive("upstream.connect_timeout", c.Upstream.ConnectTimeout)
	v.positive("upstream.first_byte_timeout", c.Upstream.FirstByteTimeout)
	v.positive("upstream.idle_timeout", c.Upstream.IdleTimeout)
	v.notBelow("upstream.max_conns", c.Upstream.MaxConns, 1)
	v.positive("upstream.conn_wait", c.Upstream.ConnWait)
	v.oneOf("log.format", c.Log.Format, logJSON, logText)
	v.oneOf("log.level", c.Log.Level, slices.Sorted(maps.Keys(logLevels))...)
	if c.Shutdown.Delay < 0 {
		v.add("shutdown.delay", "must not be negative")
	}
	v.positive("shutdown.timeout", c.Shutdown.Timeout)
	if len(c.Routes) == 0 {
		v.add("routes", "there are none; the gateway would refuse every request")
	}
	secret := c.JWTSecret
	if role.hasAuthz() {
		secret = cmp.Or(secret, "missing") // which is said once, not once more for every route
	}
	v.err("routes", gateway.Validate(c.Routes, c.Upstream, []byte(secret)))
	return v.problems
}

// durable checks what an authorization server needs and a gateway on its own does not.
func (c *Config) durable(v *validation) {
	c.database(v)
	v.required("jwt_secret", c.JWTSecret.Reveal())
	c.signing(v)
}

func (c *Config) database(v *validation) {
	v.err("database_url", registry.ValidateURL(c.DatabaseURL.Reveal()))
	if c.DatabaseMaxConns < 0 {
		v.add("database_max_conns", "must not be negative")
	}
}

func (c *Config) signing(v *validation) {
	v.oneOf("keys.alg", c.Keys.Alg, keys.ES256, keys.RS256, keys.EdDSA)
	if len(c.Keys.Secret) < minSecretLength {
		v.add("keys.secret", "must be at least %d characters", minSecretLength)
	}
	c.rotation(v)
	c.succession(v)
}

// validation collects problems, each with the key it is about.
type validation struct {
	problems []error
}

func (v *validation) add(key, format string, args ...any) {
	v.problems = append(v.problems, fmt.Errorf("%s: "+format, append([]any{key}, args...)...))
}

// err adds a problem that another package found, or each of them when it found several.
func (v *validation) err(key string, err error) {
	if err == nil {
		return
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			v.err(key, one)
		}
		return
	}
	v.problems = append(v.problems, fmt.Errorf("%s: %w", key, err))
}

func (v *validation) required(key, value string) {
	if value == "" {
		v.add(key, "is required")
	}
}

func (v *validation) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		v.add(key, "must be one of %s, not %q", strings.Join(allowed, ", "), value)
	}
}

func (v *validation) positive(key string, d time.Duration) {
	if d <= 0 {
		v.add(key, "must be more than 0, not %s", d)
	}
}

func (v *validation) atLeast(key string, d, least time.Duration) {
	if d < least {
		v.add(key, "must be at least %s, not %s", least, d)
	}
}

// seconds is for lifetimes that end up in a token, which knows only whole seconds.
func (v *validation) seconds(key string, d time.Duration) {
	if d < time.Second || d%time.Second != 0 {
		v.add(key, "must be a whole number of seconds of at least 1s, not %s", d)
	}
}

func (v *validation) address(key, address string) {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		v.add(key, "must be host:port, not %q", address)
	}
}

func (v *validation) url(key, value string) {
	parsed, err := url.Parse(value)
	switch {
	case err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https":
		v.add(key, "must be an http or https URL, not %q", SecretURL(value).String())
	case parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		v.add(key, "must have no credentials, query or fragment")
	}
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
