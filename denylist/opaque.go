package denylist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// opaquePrefix is not below keyPrefix: these keys revoke nothing.
	opaquePrefix = "{gh}:opaque:"
	// opaqueMarkKey holds the epoch in which every opaque token was written: without it, one that is not found may be good.
	opaqueMarkKey = opaquePrefix + "epoch"
)

// OpaqueToken is an access token that says nothing by itself: one of another server, which goes on working here.
type OpaqueToken struct {
	Hash     string // SHA-256 of the token, in hexadecimal
	ID       string // what it is revoked by, beside its grant and its client
	GrantID  string
	ClientID string
	Subject  string
	Scopes   []string
	IssuedAt time.Time
	// ExpiresAt is when it is forgotten. IssuedAt and ExpiresAt are kept in whole seconds.
	ExpiresAt time.Time
}

// ErrNoToken is returned by LookUp for a token that is certainly none.
var ErrNoToken = errors.New("there is no such opaque token")

// opaqueValue is an OpaqueToken in Redis.
type opaqueValue struct {
	ID        string   `json:"jti"`
	GrantID   string   `json:"grant"`
	ClientID  string   `json:"client"`
	Subject   string   `json:"sub"`
	Scopes    []string `json:"scopes"`
	IssuedAt  int64    `json:"iat"`
	ExpiresAt int64    `json:"exp"`
}

// LookUp finds an opaque token by its hash. It says nothing about revocation: that is for Check. The error is ErrNoToken,
// or wraps ErrUnknown when Redis cannot be asked or may have lost tokens. It blocks as long as a Check, with which it
// shares round trips.
func (s *Store) LookUp(ctx context.Context, hash string) (OpaqueToken, error) {
	text, err := s.checks.lookUp(ctx, hash)
	if err != nil {
		return OpaqueToken{}, err
	}
	var value opaqueValue
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return OpaqueToken{}, unknown(fmt.Errorf("read opaque token: %w", err))
	}
	return OpaqueToken{
		Hash: hash, ID: value.ID, GrantID: value.GrantID, ClientID: value.ClientID, Subject: value.Subject, Scopes: value.Scopes,
		IssuedAt: time.Unix(value.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(value.ExpiresAt, 0).UTC(),
	}, nil
}

// WriteOpaque writes opaque tokens, each until it expires. Writing one again does no harm; one that has expired is skipped.
func (s *Store) WriteOpaque(ctx context.Context, tokens ...OpaqueToken) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	now := s.Now()
	pipe := s.write.Pipeline()
	for _, token := range tokens {
		value, err := json.Marshal(opaqueValue{
			ID: token.ID, GrantID: token.GrantID, ClientID: token.ClientID, Subject: token.Subject, Scopes: token.Scopes,
			IssuedAt: token.IssuedAt.Unix(), ExpiresAt: token.ExpiresAt.Unix(),
		})
		if err != nil {
			return fmt.Errorf("write opaque tokens: %w", err)
		}
		lifetime := token.ExpiresAt.Sub(now)
		if lifetime < time.Millisecond { // Redis would keep it for ever
			continue
		}
		pipe.Set(ctx, opaquePrefix+token.Hash, value, lifetime)
	}
	if pipe.Len() == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("write opaque tokens: %w", err)
	}
	return nil
}

// OpaqueEpoch is the present epoch of the denylist, and whether all opaque tokens were written in it. The epoch is "" while
// the denylist itself is not loaded.
func (s *Store) OpaqueEpoch(ctx context.Context) (epoch string, complete bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	node, err := s.node(ctx, s.write)
	if err != nil {
		return "", false, fmt.Errorf("find denylist: %w", err)
	}
	values, err := node.MGet(ctx, epochKey, opaqueMarkKey).Result()
	if err != nil {
		node.failed(ctx)
		return "", false, fmt.Errorf("read epoch of opaque tokens: %w", err)
	}
	epoch, _ = values[0].(string)
	if node.instance.check(epoch) != nil {
		return "", false, nil
	}
	return epoch, values[1] == values[0], nil
}

// completeOpaque vouches for the tokens unless Redis has lost its epoch since: then it may have lost some of them.
var completeOpaque = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[2], ARGV[1])
return 1`)

// CompleteOpaque declares that every opaque token was written in an epoch, from OpaqueEpoch: from then on LookUp knows which
// there are not. It reports false when the epoch has ended, and all have to be written once more.
func (s *Store) CompleteOpaque(ctx context.Context, epoch string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	done, err := completeOpaque.Run(ctx, s.write, []string{epochKey, opaqueMarkKey}, epoch).Int()
	if err != nil {
		return false, fmt.Errorf("declare opaque tokens complete: %w", err)
	}
	return done == 1, nil
}

// WithdrawOpaque takes back that every opaque token was written, until CompleteOpaque: there are others, and one that is not
// found may be good.
func (s *Store) WithdrawOpaque(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := s.write.Del(ctx, opaqueMarkKey).Err(); err != nil {
		return fmt.Errorf("declare opaque tokens incomplete: %w", err)
	}
	return nil
}
