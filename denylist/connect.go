package denylist

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// dialTimeout and ioTimeout are what a dead and a silent Redis can cost a request; Check bounds their sum.
const (
	dialTimeout = checkTimeout / 2
	ioTimeout   = checkTimeout - dialTimeout
)

// Connect returns a store at one of
//
//	redis://[user:password@]host:port/db
//	redis+sentinel://[user:password@]host:port/db?master_name=name&addr=host2:port&addr=…   (the Sentinels)
//	redis+cluster://[user:password@]host:port?addr=host2:port&addr=…
//
// each also with rediss for TLS. It does not wait for Redis to answer: a Redis that is down now makes every Check
// ErrUnknown until it is up. An error is one of the URL and does not show its password.
func Connect(redisURL string) (*Store, error) {
	options, err := parseURL(redisURL)
	if err != nil {
		return nil, err
	}
	// Without this go-redis ignores the deadline of a context.
	options.ContextTimeoutEnabled = true
	// A request that waits for a second attempt has already waited too long; the route decides what happens instead.
	options.MaxRetries = -1
	options.DialerRetries = 1
	// Both are extra round trips of every new connection.
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}

	write := *options
	write.DialTimeout, write.ReadTimeout, write.WriteTimeout = writeTimeout, writeTimeout, writeTimeout

	check := *options
	check.DialTimeout, check.PoolTimeout = dialTimeout, dialTimeout
	check.ReadTimeout, check.WriteTimeout = ioTimeout, ioTimeout

	known := &instances{}
	return newStore(newClient(&check, known), newClient(&write, known), known), nil
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
	switch plain := kind + "://" + rest; variant {
	case "":
		o, err := redis.ParseURL(redisURL)
		if err != nil {
			return nil, err
		}
		return &redis.UniversalOptions{
			Addrs: []string{o.Addr}, DB: o.DB, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig, PoolSize: o.PoolSize,
		}, nil
	case "sentinel":
		o, err := redis.ParseFailoverURL(plain)
		if err != nil {
			return nil, err
		}
		if o.MasterName == "" {
			return nil, errors.New("a Sentinel URL needs a master_name")
		}
		return &redis.UniversalOptions{
			Addrs: o.SentinelAddrs, MasterName: o.MasterName, DB: o.DB, Username: o.Username, Password: o.Password,
			SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword, TLSConfig: o.TLSConfig, PoolSize: o.PoolSize,
		}, nil
	case "cluster":
		o, err := redis.ParseClusterURL(plain)
		if err != nil {
			return nil, err
		}
		return &redis.UniversalOptions{
			Addrs: o.Addrs, IsClusterMode: true, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig, PoolSize: o.PoolSize,
		}, nil
	default:
		return nil, fmt.Errorf("unknown scheme %q", scheme)
	}
}

// Close closes the connections to Redis. Every Check after it is ErrUnknown, everything else fails.
func (s *Store) Close() error {
	err := s.check.Close() // what is being asked ends with it
	s.checks.close()
	if s.write != s.check {
		err = errors.Join(err, s.write.Close())
	}
	return err
}
