package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// OAuth2Server is what the environment says of the oauth2server that Gatehouse takes the place of.
type OAuth2Server struct {
	// Recognized says that the environment has every variable that oauth2server requires. Defaults are then those of
	// oauth2server, where it had one and it is safe.
	Recognized bool
	// JWTSecret says that the secret shared with the host application and lndhub.go is the one that they have shared with
	// oauth2server. Its length is then nothing that this installation could choose.
	JWTSecret bool
	// Ignored are variables of oauth2server that are set and mean nothing here.
	Ignored []string
	// Undecided are the keys that oauth2server had no variable for, that an operator has to decide about, and that nobody has
	// set.
	Undecided []string
}

var (
	// oauth2serverRequires are the variables without which oauth2server does not start.
	oauth2serverRequires = []string{"DATABASE_URI", "JWT_SECRET", "LNDHUB_URL"}
	// oauth2serverOnly are those that nothing here corresponds to.
	oauth2serverOnly = []string{"DATABASE_CONN_MAX_LIFETIME", "DATABASE_MAX_IDLE_CONNS", "DATADOG_AGENT_URL", "SENTRY_DSN"}
)

const (
	oauth2serverListen  = ":8081"
	oauth2serverTargets = "targets.json"
)

// adoptDefaults makes the defaults those of oauth2server where the environment is its own: an operator has not set what was
// good as it was.
func (c *Config) adoptDefaults(environ []string) {
	variables := variablesOf(environ)
	for _, name := range oauth2serverRequires {
		if variables[name] == "" {
			return
		}
	}
	c.OAuth2Server.Recognized = true
	c.Listen = oauth2serverListen
	c.Admin.UnknownFields = IgnoreFields
}

// OAuth2ServerVariables are the names of the variables of oauth2server that count here, too.
func OAuth2ServerVariables() []string { return slices.Sorted(maps.Keys(oauth2serverVariables)) }

// noteOAuth2server says what is left to decide once everything was read.
func (c *Config) noteOAuth2server(environ []string) {
	if !c.OAuth2Server.Recognized {
		return
	}
	if c.TargetsFile == "" && len(c.Routes) == 0 {
		c.TargetsFile = oauth2serverTargets
	}
	variables := variablesOf(environ)
	c.OAuth2Server.JWTSecret = c.JWTSecret.Reveal() == variables["JWT_SECRET"]
	for _, name := range oauth2serverOnly {
		if variables[name] != "" {
			c.OAuth2Server.Ignored = append(c.OAuth2Server.Ignored, name)
		}
	}
	usual := Default()
	for key, isUsual := range map[string]bool{
		"issuer":       c.Issuer == usual.Issuer,
		"redis_url":    c.RedisURL == usual.RedisURL,
		"admin.listen": c.Admin == Admin{Listen: usual.Admin.Listen, UnknownFields: c.Admin.UnknownFields},
	} {
		if _, isSet := variables[environmentName(strings.Split(key, "."))]; isUsual && !isSet {
			c.OAuth2Server.Undecided = append(c.OAuth2Server.Undecided, key)
		}
	}
	slices.Sort(c.OAuth2Server.Undecided)
}

// oauth2serverWarnings are for an operator who has started Gatehouse with oauth2server's environment.
func (c *Config) oauth2serverWarnings(role Role) (warnings []string) {
	if !c.OAuth2Server.Recognized || !role.HasAuthz() {
		return nil
	}
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	warn("the environment is oauth2server's (%s): docs/from-oauth2server.md says what is different here", strings.Join(oauth2serverRequires, ", "))
	for _, key := range c.OAuth2Server.Undecided {
		switch key {
		case "issuer":
			warn("issuer: is %s: set it to the URL that applications use, before they have tokens, which hold it", c.Issuer)
		case "redis_url":
			warn("redis_url: is %s: oauth2server had no Redis; set it to yours", c.RedisURL)
		case "admin.listen":
			warn("admin.listen: is %s: /admin/clients is there, and not on the public port as it was; whoever has to reach it from elsewhere "+
				"needs another address, and with that admin.token", c.Admin.Listen)
		}
	}
	if len(c.OAuth2Server.Ignored) > 0 {
		warn("%s: mean nothing here", strings.Join(c.OAuth2Server.Ignored, ", "))
	}
	if c.OAuth2Server.JWTSecret && len(c.JWTSecret) < minSecretLength {
		warn("jwt_secret: has fewer than %d bytes: who guesses it can be any user. It is accepted because the host application and lndhub.go "+
			"have it too; change it in all three, in one step", minSecretLength)
	}
	return warnings
}

// RefusedSecrets are those of ShortSecrets that a new installation does not begin with. JWTSecret is not among them where it
// is oauth2server's: the host application and lndhub.go have it, so that changing it is a step of its own.
func (c *Config) RefusedSecrets() error {
	if !c.OAuth2Server.JWTSecret {
		return c.ShortSecrets()
	}
	others := *c
	others.JWTSecret = ""
	return others.ShortSecrets()
}
