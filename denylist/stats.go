package denylist

import "github.com/redis/go-redis/v9"

// Pools returns the state of the pools of connections to Redis, by what they are for.
func (s *Store) Pools() map[string]*redis.PoolStats {
	return map[string]*redis.PoolStats{"check": s.check.PoolStats(), "write": s.write.PoolStats()}
}
