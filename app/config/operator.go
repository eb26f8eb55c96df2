package config

import (
	"errors"

	"gatehouse/denylist"
)

// Needs are the parts of a configuration that an operator's command uses. The others do not have to be valid.
type Needs struct {
	Redis, Keys, Routes, Budgets bool // the database always
	// Tells is for a command that changes what servers remember: they are told through Redis, where there is one.
	Tells bool
	// Bulk is for a command that writes very many rows: a step of it may take a minute.
	Bulk bool
}

// LoadForOperator reads the configuration as Load does, and reports every problem of what is needed at once. A key that
// does not exist is a problem wherever it is: it may be the misspelt name of one that is needed.
func LoadForOperator(path string, needs Needs, environ []string) (Config, error) {
	cfg := Default()
	problems, isRead := cfg.read(path, environ)
	if isRead && needs.Routes {
		problems = append(problems, readTargets(&cfg)...)
	}
	if isRead {
		problems = append(problems, cfg.operatorProblems(needs)...)
	}
	return cfg, errors.Join(problems...)
}

func (c *Config) operatorProblems(needs Needs) []error {
	v := &validation{}
	c.checkDatabase(v)
	if c.DatabaseURL == "sqlite::memory:" {
		v.add("database_url", "must not be %s here: that database belongs to the process that serves", c.DatabaseURL)
	}
	if (needs.Redis || needs.Tells && c.RedisURL != "") && c.RedisURL != EmbeddedRedis {
		v.err("redis_url", denylist.ValidateURL(c.RedisURL.Reveal()))
	}
	if needs.Keys {
		c.checkSigning(v)
	}
	if needs.Budgets {
		c.checkLedger(v)
	}
	if needs.Redis || needs.Keys { // the longest token says what is revoked until when, and which keys are needed
		v.seconds("access_token.max_lifespan", c.AccessToken.MaxLifespan)
	}
	return v.problems
}
