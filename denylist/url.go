package denylist

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

const (
	whyTimed   = "denylist.timeout says how long a question may take, and none is asked twice"
	whyReplica = "a replica may lack the latest revocations"
)

// refused are the options that go-redis would read from a URL and that cannot be had, with the reason. What it does not know
// it refuses by itself.
var refused = map[string]string{
	"dial_timeout": whyTimed, "read_timeout": whyTimed, "write_timeout": whyTimed, "pool_timeout": whyTimed,
	"context_timeout_enabled": whyTimed, "max_retries": whyTimed, "min_retry_backoff": whyTimed, "max_retry_backoff": whyTimed,
	"dialer_retries": whyTimed, "dialer_retry_timeout": whyTimed,

	"read_only": whyReplica, "replica_only": whyReplica, "route_by_latency": whyReplica, "route_by_latency_tolerance": whyReplica,
	"route_randomly": whyReplica, "use_disconnected_replicas": whyReplica,

	"disableIdentity": "it is always so", "identitySuffix": "nothing is sent that it could be a suffix of",
	"unstable_resp3": "nothing here needs it",
}

func checkQuery(plain string) error {
	parsed, err := url.Parse(plain)
	if err != nil {
		return err
	}
	query := parsed.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if why, ok := refused[name]; ok {
			return fmt.Errorf("option %s cannot be set: %s", name, why)
		}
	}
	return nil
}

func parsePlain(plain string) (*redis.UniversalOptions, error) {
	o, err := redis.ParseURL(plain)
	if err != nil {
		return nil, err
	}
	if o.Network == "unix" {
		return nil, errors.New("a Unix socket cannot be used")
	}
	options := universal(o)
	options.Addrs = []string{o.Addr}
	return options, nil
}

func parseSentinel(plain string) (*redis.UniversalOptions, error) {
	o, err := redis.ParseFailoverURL(plain)
	if err != nil {
		return nil, err
	}
	if o.MasterName == "" {
		return nil, errors.New("a Sentinel URL needs a master_name")
	}
	options := universal(o)
	options.Addrs = o.SentinelAddrs
	return options, nil
}

func parseCluster(plain string) (*redis.UniversalOptions, error) {
	o, err := redis.ParseClusterURL(plain)
	if err != nil {
		return nil, err
	}
	parsed, err := url.Parse(plain)
	if err != nil {
		return nil, err
	}
	if database := strings.Trim(parsed.Path, "/"); database != "" && database != "0" {
		return nil, errors.New("a cluster has no database but 0")
	}
	options := universal(o)
	options.IsClusterMode = true
	return options, nil
}

// universal has every option of one kind of Redis, whichever go-redis reads from a URL: none is forgotten.
func universal[T any](of *T) *redis.UniversalOptions {
	from, options := reflect.ValueOf(of).Elem(), &redis.UniversalOptions{}
	to := reflect.ValueOf(options).Elem()
	for i := range to.NumField() {
		field := to.Type().Field(i)
		if value := from.FieldByName(field.Name); field.IsExported() && value.IsValid() && value.Type() == field.Type {
			to.Field(i).Set(value)
		}
	}
	return options
}
