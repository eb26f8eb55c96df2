package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"gatehouse/denylist"
	"gatehouse/keys"
)

// OpaqueTokens finds access tokens that say nothing by themselves, by their SHA-256 in hexadecimal. The error is
// denylist.ErrNoToken, or wraps denylist.ErrUnknown. Implementations are safe for concurrent use, and answer or give up
// within a fixed bound.
type OpaqueTokens interface {
	LookUp(ctx context.Context, hash string) (denylist.OpaqueToken, error)
}

var (
	_ OpaqueTokens = (*denylist.Store)(nil)
	_ OpaqueTokens = (*denylist.Mirror)(nil)
)

// maxOpaque is the longest token that the server can have issued whose tokens are looked up.
const maxOpaque = 512

// opaqueVerifier takes opaque tokens beside the others. What a token stands for is remembered until the token expires; whether
// it was revoked is asked for each request, as of every token. Nothing is remembered of a token that was not found.
type opaqueVerifier struct {
	TokenVerifier // of everything else

	tokens OpaqueTokens
	issuer string
	// known is nil where nothing is remembered.
	known *otter.Cache[[sha256.Size]byte, *keys.Claims]
	now   func() time.Time
	end   context.Context // of the gateway
}

// newOpaqueVerifier remembers at most size tokens.
func newOpaqueVerifier(end context.Context, config *Config) (*opaqueVerifier, error) {
	v := &opaqueVerifier{
		TokenVerifier: config.Verifier, tokens: config.OpaqueTokens, issuer: config.Issuer, now: config.Now, end: end,
	}
	if config.OpaqueCache == 0 {
		return v, nil
	}
	var err error
	v.known, err = otter.New(&otter.Options[[sha256.Size]byte, *keys.Claims]{MaximumSize: config.OpaqueCache})
	if err != nil {
		return nil, fmt.Errorf("make cache of opaque tokens: %w", err)
	}
	return v, nil
}

// Verify implements TokenVerifier. For an opaque token that it does not remember it blocks as long as LookUp does.
func (v *opaqueVerifier) Verify(token []byte) (*keys.Claims, error) {
	if !isOpaque(token) {
		return v.TokenVerifier.Verify(token)
	}
	sum := sha256.Sum256(token)
	claims, err := v.find(sum)
	if err != nil {
		return nil, err
	}
	if !v.now().Before(claims.ExpiresAt) {
		if v.known != nil {
			v.known.Invalidate(sum)
		}
		return nil, keys.ErrExpired
	}
	return claims, nil
}

func (v *opaqueVerifier) find(sum [sha256.Size]byte) (*keys.Claims, error) {
	if v.known != nil {
		if claims, ok := v.known.GetIfPresent(sum); ok {
			return claims, nil
		}
	}
	found, err := v.tokens.LookUp(v.end, hex.EncodeToString(sum[:]))
	if errors.Is(err, denylist.ErrNoToken) {
		return nil, errInvalidToken
	}
	if err != nil {
		return nil, err
	}
	claims := &keys.Claims{
		Issuer: v.issuer, Audience: []string{v.issuer}, Subject: found.Subject, ClientID: found.ClientID, ID: found.ID, GrantID: found.GrantID,
		Scopes: found.Scopes, IssuedAt: found.IssuedAt, ExpiresAt: found.ExpiresAt,
	}
	if v.known != nil {
		v.known.Set(sum, claims)
	}
	return claims, nil
}

// KeyWithdrawn implements TokenVerifier. No key has signed an opaque token.
func (v *opaqueVerifier) KeyWithdrawn(claims *keys.Claims) bool {
	return claims.KeyID != "" && v.TokenVerifier.KeyWithdrawn(claims)
}

func (v *opaqueVerifier) close() {
	if v.known != nil {
		v.known.StopAllGoroutines()
	}
}

// isOpaque holds for what can be a token of the other server, and is no JWT: those have dots.
func isOpaque(token []byte) bool {
	if len(token) == 0 || len(token) > maxOpaque {
		return false
	}
	for _, b := range token {
		if (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '_' && b != '=' {
			return false
		}
	}
	return true
}
