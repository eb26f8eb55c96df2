package config

import (
	"log/slog"
	"time"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/gateway/listener"
	"gatehouse/gateway/resource"
	"gatehouse/keys"
)

// Config is everything that can be configured. Its YAML form is config.yaml. Each key but routes can also be set by the
// environment variable that is GATEHOUSE_ and its path (GATEHOUSE_ADMIN_TOKEN).
type Config struct {
	// Listen is the address of the public listener: authorization server and gateway.
	Listen string `yaml:"listen"`
	// Issuer is the URL that clients know the server by: the iss and aud of every token.
	Issuer string `yaml:"issuer"`
	Admin  Admin  `yaml:"admin"`
	// DatabaseURL is postgres://…, sqlite:<file> or sqlite::memory:.
	DatabaseURL SecretURL `yaml:"database_url"`
	// DatabaseMaxConns bounds the connections to the database; 0 is the default of the database's kind.
	DatabaseMaxConns int `yaml:"database_max_conns"`
	// DatabaseMigrate makes an authorization server bring the database's schema up to date when it starts. Without it, it
	// refuses to start before that was done (gatehouse migrate).
	DatabaseMigrate bool `yaml:"database_migrate"`
	// RedisURL is redis://…, rediss://…, or embedded: (EmbeddedRedis), which is for development only.
	RedisURL SecretURL `yaml:"redis_url"`
	// JWTSecret is shared with the host application, whose user tokens it verifies, and with lndhub.go.
	JWTSecret Secret `yaml:"jwt_secret"`
	// LNDHubURL is where logins and passwords are checked. Empty means that none are accepted.
	LNDHubURL    string       `yaml:"lndhub_url"`
	Users        Users        `yaml:"users"`
	Sessions     Sessions     `yaml:"sessions"`
	Keys         Keys         `yaml:"keys"`
	AccessToken  AccessToken  `yaml:"access_token"`
	RefreshToken RefreshToken `yaml:"refresh_token"`
	PKCE         PKCE         `yaml:"pkce"`
	Pushed       Pushed       `yaml:"pushed_requests"`
	DPoP         DPoP         `yaml:"dpop"`
	Grants       Grants       `yaml:"grants"`
	Clients      Clients      `yaml:"clients"`
	Budgets      Budgets      `yaml:"budgets"`
	Denylist     Denylist     `yaml:"denylist"`
	Revocation   Revocation   `yaml:"revocation"`
	TokenCache   TokenCache   `yaml:"token_cache"`
	Import       Import       `yaml:"import"`
	// ClockLeeway is how far ahead the clock of whoever issued a token may be, at most 1m. It never lengthens a token's
	// life.
	ClockLeeway time.Duration `yaml:"clock_leeway"`
	// TrustedProxies are the addresses and CIDR prefixes of peers whose X-Forwarded-* headers are believed.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// TrustedProxyHeaders are fields about the caller's connection that pass from them, besides X-Forwarded-For, -Host,
	// -Proto and X-Real-Ip.
	TrustedProxyHeaders []string `yaml:"trusted_proxy_headers"`
	// TrustedOrigins are those of other sites, such as the host application's, whose forms may sign users in.
	TrustedOrigins []string `yaml:"trusted_origins"`
	Brand          Brand    `yaml:"brand"`
	// Via is the gateway's name in the Via field of requests to upstreams; empty leaves the field out.
	Via      string            `yaml:"via"`
	TLS      TLS               `yaml:"tls"`
	Limits   Limits            `yaml:"limits"`
	Timeouts listener.Timeouts `yaml:"timeouts"`
	// Upstream is what holds for routes that do not say otherwise.
	Upstream gateway.Upstreams `yaml:"upstream"`
	// CORS lets browser applications of other origins use the routes and the OAuth endpoints that are for programs.
	CORS   gateway.CORS    `yaml:"cors"`
	Routes []gateway.Route `yaml:"routes"`
	// Resources are groups of routes with a URL of their own, by the name that routes have for them.
	Resources map[string]resource.Settings `yaml:"resources"`
	// Scopes are descriptions of the routes' scopes in other languages, by scope and language.
	Scopes map[string]map[string]string `yaml:"scopes"`
	// TargetsFile is a targets.json of oauth2server. Its routes come after Routes.
	TargetsFile string `yaml:"targets_file"`
	// TargetsNotes say what in that file has no effect. Load writes them.
	TargetsNotes []string `yaml:"-"`
	Log          Log      `yaml:"log"`
	Shutdown     Shutdown `yaml:"shutdown"`
	// OAuth2Server is no key: it follows from the environment.
	OAuth2Server OAuth2Server `yaml:"-"`
}

// Admin configures the admin listener.
type Admin struct {
	Listen string `yaml:"listen"`
	// Token is the bearer token of the admin API. It is required when Listen is not a loopback address.
	Token Secret `yaml:"token"`
	// UnknownFields is what becomes of a request about a client with fields that there are not: RefuseFields or IgnoreFields.
	UnknownFields string `yaml:"unknown_fields"`
}

// Users configures how users sign in, besides LNDHubURL.
type Users struct {
	// LoginURL is the login page of the host application. Empty means that users cannot sign in there.
	LoginURL string `yaml:"login_url"`
}

// Sessions configures how long a user stays signed in, in a browser.
type Sessions struct {
	// Idle is how long without a request, Absolute how long in any case.
	Idle     time.Duration `yaml:"idle"`
	Absolute time.Duration `yaml:"absolute"`
}

// Keys configures the signing keys.
type Keys struct {
	// Alg is ES256, RS256 or EdDSA.
	Alg string `yaml:"alg"`
	// Secret seals the signing keys in the database, and refresh tokens are derived with it from the ones before. Every
	// replica has the same.
	Secret Secret `yaml:"secret"`
	// RotateEvery is how long a key signs before its successor does.
	RotateEvery time.Duration `yaml:"rotate_every"`
	// PublishAhead is how long a key is published before it signs. It is longer than JWKSMaxAge, JWKSRefresh and
	// ClockLeeway together.
	PublishAhead time.Duration `yaml:"publish_ahead"`
	// JWKSMaxAge is how long caches may keep the JWKS, in whole seconds.
	JWKSMaxAge time.Duration `yaml:"jwks_max_age"`
	// JWKSRefresh is how often a gateway on its own reads the JWKS.
	JWKSRefresh time.Duration `yaml:"jwks_refresh"`
	// JWKSURL is where a gateway on its own reads the public keys. An authorization server does not use it.
	JWKSURL string `yaml:"jwks_url"`
}

// AccessToken configures the access tokens.
type AccessToken struct {
	Lifespan time.Duration `yaml:"lifespan"`
	// MaxLifespan is the most that a client may ask for with expires_in.
	MaxLifespan time.Duration `yaml:"max_lifespan"`
}

// RefreshToken configures the refresh tokens.
type RefreshToken struct {
	Lifespan time.Duration `yaml:"lifespan"`
	// Grace is how long a refresh token that was already used yields the same successor again, as long as nobody has used
	// that. At most 24h.
	Grace time.Duration `yaml:"grace"`
}

// PKCE configures how authorization codes are bound to the application that asked for them (RFC 7636).
type PKCE struct {
	// Plain allows the method plain, which keeps nobody from redeeming a code who has seen the authorization request. It is
	// also what a request means that names no method.
	Plain bool `yaml:"plain"`
}

// Pushed configures authorization requests that clients send ahead (RFC 9126).
type Pushed struct {
	// Lifespan is how long after that a browser may begin with it: 5s to 10m, in whole seconds.
	Lifespan time.Duration `yaml:"lifespan"`
	// Required refuses every other authorization request.
	Required bool `yaml:"required"`
}

// Grants bounds what one user and one client can make the server remember, and end at once.
type Grants struct {
	// MaxPerClient is how many live grants one user may have given one client. For another, the oldest ends.
	MaxPerClient int `yaml:"max_per_client"`
	// MaxRevokedTokens is how many access tokens of one grant, that have not expired, its client may have revoked one by
	// one. The next ends the grant.
	MaxRevokedTokens int `yaml:"max_revoked_tokens"`
}

// Denylist configures how gateways learn of revocations.
type Denylist struct {
	// Mode is Mirror or Strict.
	Mode string `yaml:"mode"`
	// MaxStaleness is how old a mirror's knowledge may be before it asks Redis again.
	MaxStaleness time.Duration `yaml:"max_staleness"`
	// Timeout is how long a question to Redis may take. After that it cannot be told whether the token was revoked.
	Timeout time.Duration `yaml:"timeout"`
	// OnUnavailable is what happens to a request when its token's revocation state cannot be told: deny or allow.
	OnUnavailable string `yaml:"on_unavailable"`
}

// Revocation configures how access is taken back.
type Revocation struct {
	// Wait is how long the answer to a revocation waits for gateways to confirm that they know. It then says how many have
	// not.
	Wait time.Duration `yaml:"wait"`
}

// TokenCache configures what a gateway remembers of the tokens that it has verified.
type TokenCache struct {
	// Size is how many tokens are remembered. With 0 the token of each request is verified anew. Whether a token was
	// revoked is asked for each request in any case.
	Size int `yaml:"size"`
}

// Import configures what was taken over of another server (gatehouse import).
type Import struct {
	// OpaqueTokens makes the access tokens of that server go on working until they expire. The authorization server and the
	// gateways need the same.
	OpaqueTokens bool `yaml:"opaque_tokens"`
}

// Log configures what is logged.
type Log struct {
	// Format is LogJSON or LogText.
	Format string `yaml:"format"`
	// Level is debug, info, warn or error. Lines of a lower level are left out.
	Level string `yaml:"level"`
	// Access adds a line of level info for each request on the public listener and of the admin API.
	Access bool `yaml:"access"`
}

// Shutdown configures how a process ends.
type Shutdown struct {
	// Delay is how long a process that was told to stop still accepts requests, while it says that it is not ready: load
	// balancers need that long to see it.
	Delay time.Duration `yaml:"delay"`
	// Timeout is how long requests in flight may take after that.
	Timeout time.Duration `yaml:"timeout"`
}

// maxRefreshGrace lets a laptop sleep over night between sending a refresh token and hearing the answer.
const maxRefreshGrace = 24 * time.Hour

// EmbeddedRedis is the RedisURL of a Redis inside the process: nothing to install, nothing kept, one replica.
const EmbeddedRedis SecretURL = "embedded:"

// The modes of Denylist.Mode.
const (
	// Mirror answers from memory.
	Mirror = "mirror"
	// Strict asks Redis for each request.
	Strict = "strict"
)

// What Admin.UnknownFields can be.
const (
	// RefuseFields answers 400.
	RefuseFields = "refuse"
	// IgnoreFields does as oauth2server did, and logs a warning.
	IgnoreFields = "ignore"
)

// The formats of Log.Format.
const (
	LogJSON = "json"
	LogText = "text"
)

var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// Threshold is the lowest level that is logged; that of info where Level is none.
func (l Log) Threshold() slog.Level { return logLevels[l.Level] }

// Default is what the file and the environment change. It cannot be served as it is: it has no secrets and no routes.
func Default() Config {
	return Config{
		Listen:          "127.0.0.1:8081",
		Issuer:          "http://localhost:8081",
		Admin:           Admin{Listen: "127.0.0.1:8082", UnknownFields: RefuseFields},
		DatabaseURL:     "postgres://user:password@localhost:5432/gatehouse",
		DatabaseMigrate: true,
		RedisURL:        "redis://localhost:6379/0",
		Keys: Keys{
			Alg: keys.ES256, RotateEvery: 30 * 24 * time.Hour,
			PublishAhead: 7 * time.Minute, JWKSMaxAge: 5 * time.Minute, JWKSRefresh: time.Minute,
		},
		AccessToken:  AccessToken{Lifespan: 2 * time.Hour, MaxLifespan: 365 * 24 * time.Hour},
		RefreshToken: RefreshToken{Lifespan: 30 * 24 * time.Hour, Grace: maxRefreshGrace},
		PKCE:         PKCE{Plain: true},
		Pushed:       Pushed{Lifespan: time.Minute},
		DPoP:         DPoP{Nonce: NonceOff},
		Sessions:     Sessions{Idle: 24 * time.Hour, Absolute: 30 * 24 * time.Hour},
		Clients:      Clients{Documents: ClientDocuments{Enabled: true}, Registration: ClientRegistration{Mode: RegistrationOff, KeepUnused: 24 * time.Hour, MaxUnused: 10_000}},
		Grants:       Grants{MaxPerClient: 50, MaxRevokedTokens: 100},
		Budgets: Budgets{
			Timeout: 2 * time.Second, Default: DefaultBudget{Period: "month"}, AllowUnlimited: true, TimeZone: "UTC", Alignment: FromCalendar,
			Keep: 400 * 24 * time.Hour,
		},
		ClockLeeway: 30 * time.Second,
		Via:         "gatehouse",
		TokenCache:  TokenCache{Size: 100_000},
		Denylist:    Denylist{Mode: Mirror, MaxStaleness: 2 * time.Second, Timeout: denylist.DefaultTimeout, OnUnavailable: gateway.Deny},
		Revocation:  Revocation{Wait: 250 * time.Millisecond},
		Limits:      Limits{HeaderSize: 16 << 10, HeaderCount: 100, BodySize: 4 << 20, BodyRate: 240, ConnectionsPerAddress: 1000},
		Upstream:    gateway.DefaultUpstreams(),
		Timeouts:    listener.Timeouts{Header: 10 * time.Second, Body: 30 * time.Second, BodyTotal: time.Hour, Write: time.Minute, Idle: 75 * time.Second},
		CORS:        gateway.CORS{MaxAge: 10 * time.Minute},
		Log:         Log{Format: LogJSON, Level: "info", Access: true},
		Shutdown:    Shutdown{Timeout: 25 * time.Second},
	}
}
