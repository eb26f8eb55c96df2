package config

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/authz/browser"
	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/registry"
)

const (
	// maxQuestion is the most that denylist.timeout can be: every request waits as long for a Redis that is silent.
	maxQuestion = 5 * time.Second
	// maxConfirmation is the most that revocation.wait can be: less than what a request to authz may take.
	maxConfirmation = 5 * time.Second
)

// Validate reports every problem of the configuration at once, each with its key. It reads the files that are named, and
// asks no other server. What a role has no use for is not required of it.
func (c *Config) Validate(role Role) error {
	return errors.Join(c.problems(role)...)
}

func (c *Config) problems(role Role) []error {
	v := &validation{}
	c.checkListeners(v)
	c.checkRedis(v, role)
	if role.HasAuthz() {
		c.checkDatabase(v)
		v.required("jwt_secret", c.JWTSecret.Reveal())
		c.checkSigning(v)
		c.checkUsers(v)
		c.checkPages(v)
		c.checkClients(v)
		if c.LNDHubURL != "" {
			_, err := c.LNDHubTLS()
			v.err("upstream.ca_file", err)
		}
	} else {
		c.checkPublishing(v)
	}
	if role == GatewayOnly || c.Keys.JWKSURL != "" {
		v.url("keys.jwks_url", c.Keys.JWKSURL)
	}
	c.checkTokens(v)
	c.checkDPoP(v)
	c.checkCallers(v)
	c.checkUpstreams(v)
	c.checkProcess(v)
	c.checkBudgets(v, role)
	c.checkRoutes(v, role)
	c.checkResources(v)
	return v.problems
}

func (c *Config) checkListeners(v *validation) {
	v.address("listen", c.Listen)
	v.address("admin.listen", c.Admin.Listen)
	if c.Admin.Token == "" && !isLoopback(c.Admin.Listen) {
		v.add("admin.token", "is required because admin.listen %q is not a loopback address", c.Admin.Listen)
	}
	v.oneOf("admin.unknown_fields", c.Admin.UnknownFields, RefuseFields, IgnoreFields)
	for _, origin := range c.TrustedOrigins {
		v.err("trusted_origins", browser.ValidateTrustedOrigin(origin))
	}
	v.url("issuer", c.Issuer)
	if parsed, err := url.Parse(c.Issuer); err == nil && strings.HasSuffix(parsed.Path, "/") {
		v.add("issuer", "must not end with a slash")
	}
	if c.LNDHubURL != "" {
		v.url("lndhub_url", c.LNDHubURL)
	}
}

func (c *Config) checkRedis(v *validation, role Role) {
	switch {
	case c.RedisURL != EmbeddedRedis:
		v.err("redis_url", denylist.ValidateURL(c.RedisURL.Reveal()))
	case role != Both:
		v.add("redis_url", "must not be %s here: other processes have to reach it", EmbeddedRedis)
	}
}

func (c *Config) checkDatabase(v *validation) {
	v.err("database_url", registry.ValidateURL(c.DatabaseURL.Reveal()))
	if c.DatabaseMaxConns < 0 {
		v.add("database_max_conns", "must not be negative")
	}
}

// What one call ends, and has delivered before it is answered, is within these.
const (
	maxGrants        = 500
	maxRevokedTokens = 10_000
)

// RFC 9126 section 2.2 recommends these.
const (
	minPushed = 5 * time.Second
	maxPushed = 10 * time.Minute
)

func (c *Config) checkTokens(v *validation) {
	v.seconds("access_token.lifespan", c.AccessToken.Lifespan)
	v.seconds("access_token.max_lifespan", c.AccessToken.MaxLifespan)
	if c.AccessToken.Lifespan > c.AccessToken.MaxLifespan {
		v.add("access_token.lifespan", "must not exceed access_token.max_lifespan")
	}
	v.seconds("refresh_token.lifespan", c.RefreshToken.Lifespan)
	v.seconds("pushed_requests.lifespan", c.Pushed.Lifespan)
	v.between("pushed_requests.lifespan", c.Pushed.Lifespan, minPushed, maxPushed)
	if c.RefreshToken.Grace < 0 || c.RefreshToken.Grace > maxRefreshGrace {
		v.add("refresh_token.grace", "must be 0 to %s, not %s", maxRefreshGrace, c.RefreshToken.Grace)
	}
	v.within("grants.max_per_client", c.Grants.MaxPerClient, 1, maxGrants)
	v.within("grants.max_revoked_tokens", c.Grants.MaxRevokedTokens, 1, maxRevokedTokens)
	v.oneOf("denylist.mode", c.Denylist.Mode, Mirror, Strict)
	v.oneOf("denylist.on_unavailable", c.Denylist.OnUnavailable, gateway.Deny, gateway.Allow)
	v.positive("denylist.max_staleness", c.Denylist.MaxStaleness)
	v.between("denylist.timeout", c.Denylist.Timeout, time.Millisecond, maxQuestion)
	v.between("revocation.wait", c.Revocation.Wait, 0, maxConfirmation)
	if c.TokenCache.Size < 0 {
		v.add("token_cache.size", "must not be negative")
	}
	if c.ClockLeeway < 0 || c.ClockLeeway > maxClockLeeway {
		v.add("clock_leeway", "must be 0 to %s, not %s", maxClockLeeway, c.ClockLeeway)
	}
}

func (c *Config) checkUpstreams(v *validation) {
	v.positive("upstream.connect_timeout", c.Upstream.ConnectTimeout)
	v.positive("upstream.first_byte_timeout", c.Upstream.FirstByteTimeout)
	v.positive("upstream.idle_timeout", c.Upstream.IdleTimeout)
	v.notBelow("upstream.max_conns", c.Upstream.MaxConns, 1)
	v.notBelow("upstream.max_conns_per_user", c.Upstream.MaxConnsPerUser, 0)
	v.notBelow("upstream.max_websockets", c.Upstream.MaxWebSockets, 1)
	v.notBelow("upstream.max_websockets_per_user", c.Upstream.MaxWebSocketsPerUser, 0)
	v.positive("upstream.conn_wait", c.Upstream.ConnWait)
}

// checkProcess is about what an operator sees of a process, and how it ends.
func (c *Config) checkProcess(v *validation) {
	v.oneOf("log.format", c.Log.Format, LogJSON, LogText)
	v.oneOf("log.level", c.Log.Level, slices.Sorted(maps.Keys(logLevels))...)
	if c.Shutdown.Delay < 0 {
		v.add("shutdown.delay", "must not be negative")
	}
	v.positive("shutdown.timeout", c.Shutdown.Timeout)
}

func (c *Config) checkRoutes(v *validation, role Role) {
	if len(c.Routes) == 0 {
		v.add("routes", "there are none; the gateway would refuse every request")
	}
	secret := c.JWTSecret
	if role.HasAuthz() {
		secret = cmp.Or(secret, "missing") // which is said once, not once more for every route
	}
	v.err("routes", gateway.Validate(c.Routes, c.Upstream, []byte(secret)))
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	return isLoopbackHost(host)
}

func isLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
