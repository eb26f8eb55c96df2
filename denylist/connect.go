package denylist

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// DefaultTimeout is how long a question may take unless WithTimeout says otherwise: a Redis that is near answers in a
// millisecond, and a machine that is busy lets it wait for some tens.
const DefaultTimeout = 100 * time.Millisecond

// Option changes what Connect makes.
type Option func(*Store)

// WithTimeout bounds how long Check takes at most: what a silent or dead Redis costs each request.
func WithTimeout(most time.Duration) Option { return func(s *Store) { s.timeout = most } }

// Connect returns a store at one of
//
//	redis://[user:password@]host:port/db
//	redis+sentinel://[user:password@]host:port/db?master_name=name&addr=host2:port&addr=…&username=…&password=…
//	redis+cluster://[user:password@]host:port?addr=host2:port&addr=…
//
// each also with rediss for TLS. With Sentinel, addresses, user and password before the host are the Sentinels', and those in
// the query are of the Redis. The query can also hold go-redis's options for the pool of connections and for TLS; any other
// is an error.
//
// It does not wait for Redis to answer: a Redis that is down now makes every Check ErrUnknown until it is up. An error is one
// of the URL and does not show its password.
func Connect(redisURL string, options ...Option) (*Store, error) {
	connection, err := parseURL(redisURL)
	if err != nil {
		return nil, err
	}
	s := newStore()
	for _, option := range options {
		option(s)
	}
	// Without this go-redis ignores the deadline of a context.
	connection.ContextTimeoutEnabled = true
	// A request that waits for a second attempt has already waited too long; the route decides what happens instead.
	connection.MaxRetries = -1
	connection.DialerRetries = 1
	// Both are extra round trips of every new connection.
	connection.DisableIdentity = true
	connection.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}

	write := *connection
	write.DialTimeout, write.ReadTimeout, write.WriteTimeout = writeTimeout, writeTimeout, writeTimeout

	check, dial := *connection, s.timeout/2 // what a dead and a silent Redis can cost; the sum is the timeout
	check.DialTimeout, check.PoolTimeout = dial, dial
	check.ReadTimeout, check.WriteTimeout = s.timeout-dial, s.timeout-dial

	s.check, s.write = newClient(&check, s.instances), newClient(&write, s.instances)
	return s, nil
}

// ValidateURL returns the error that Connect would return, without connecting.
func ValidateURL(redisURL string) error {
	_, err := parseURL(redisURL)
	return err
}

func parseURL(redisURL string) (*redis.UniversalOptions, error) {
	options, err := parse(redisURL)
	var whole *url.Error // its text is the URL
	if errors.As(err, &whole) {
		err = whole.Err
	}
	if err != nil {
		return nil, fmt.Errorf("not a Redis URL: %w", err)
	}
	return options, nil
}

func parse(redisURL string) (*redis.UniversalOptions, error) {
	scheme, rest, _ := strings.Cut(redisURL, "://")
	kind, variant, _ := strings.Cut(scheme, "+")
	plain := kind + "://" + rest
	if err := checkQuery(plain); err != nil {
		return nil, err
	}
	switch variant {
	case "":
		return parsePlain(plain)
	case "sentinel":
		return parseSentinel(plain)
	case "cluster":
		return parseCluster(plain)
	default:
		return nil, fmt.Errorf("unknown scheme %q", scheme)
	}
}

// Close closes the connections to Redis. Every Check after it is ErrUnknown, everything else fails.
func (s *Store) Close() error {
	err := s.check.Close() // what is being asked ends with it
	s.checks.close()
	s.uses.close()
	if s.write != s.check {
		err = errors.Join(err, s.write.Close())
	}
	return err
}
