package opaque

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"gatehouse/denylist"
	"gatehouse/keys"
)

// Tokens finds access tokens that say nothing by themselves, by their SHA-256 in hexadecimal. The error is
// denylist.ErrNoToken, or wraps denylist.ErrUnknown. Implementations are safe for concurrent use, and answer or give up
// within a fixed bound.
type Tokens interface {
	LookUp(ctx context.Context, hash string) (denylist.OpaqueToken, error)
}

var (
	_ Tokens = (*denylist.Store)(nil)
	_ Tokens = (*denylist.Mirror)(nil)
)

// Others verifies all other tokens, with the promises of gateway.TokenVerifier.
type Others interface {
	Verify(token []byte) (*keys.Claims, error)
	KeyWithdrawn(claims *keys.Claims) bool
}

// Config is what a Verifier is made from. All of it is required but Remembered.
type Config struct {
	Tokens Tokens
	Others Others
	// Issuer is whose the tokens count as, and for whom they are.
	Issuer string
	// Remembered is how many tokens are remembered; zero means none.
	Remembered int
	Now        func() time.Time
}

// Verifier takes opaque tokens beside the others. What a token stands for is remembered until the token expires; whether
// it was revoked is asked for each request, as of every token. Nothing is remembered of a token that was not found. It is safe
// for concurrent use.
type Verifier struct {
	Config

	running context.Context
	// known is nil where nothing is remembered.
	known *otter.Cache[[sha256.Size]byte, *keys.Claims]
}

// New returns a Verifier that looks nothing up any more when running ends. It has to be closed.
func New(running context.Context, config Config) (*Verifier, error) {
	v := &Verifier{Config: config, running: running}
	if config.Remembered == 0 {
		return v, nil
	}
	var err error
	v.known, err = otter.New(&otter.Options[[sha256.Size]byte, *keys.Claims]{MaximumSize: config.Remembered})
	if err != nil {
		return nil, fmt.Errorf("make cache of opaque tokens: %w", err)
	}
	return v, nil
}

// Verify tells what a token stands for. For an opaque token that it does not remember it blocks as long as LookUp does. The error is
// keys.ErrExpired, one of LookUp, or one of Others.
func (v *Verifier) Verify(token []byte) (*keys.Claims, error) {
	if !isOpaque(token) {
		return v.Others.Verify(token)
	}
	sum := sha256.Sum256(token)
	claims, err := v.find(sum)
	if err != nil {
		return nil, err
	}
	if !v.Now().Before(claims.ExpiresAt) {
		if v.known != nil {
			v.known.Invalidate(sum)
		}
		return nil, keys.ErrExpired
	}
	return claims, nil
}

func (v *Verifier) find(sum [sha256.Size]byte) (*keys.Claims, error) {
	if v.known != nil {
		if claims, ok := v.known.GetIfPresent(sum); ok {
			return claims, nil
		}
	}
	found, err := v.Tokens.LookUp(v.running, hex.EncodeToString(sum[:]))
	if err != nil {
		return nil, err
	}
	claims := &keys.Claims{
		Issuer: v.Issuer, Audience: []string{v.Issuer}, Subject: found.Subject, ClientID: found.ClientID, ID: found.ID, GrantID: found.GrantID,
		Scopes: found.Scopes, IssuedAt: found.IssuedAt, ExpiresAt: found.ExpiresAt,
	}
	if v.known != nil {
		v.known.Set(sum, claims)
	}
	return claims, nil
}

// KeyWithdrawn reports whether the key of a token that was good is certainly no longer known. No key has signed an opaque token.
func (v *Verifier) KeyWithdrawn(claims *keys.Claims) bool {
	return claims.KeyID != "" && v.Others.KeyWithdrawn(claims)
}

// Close forgets what is remembered.
func (v *Verifier) Close() {
	if v.known != nil {
		v.known.StopAllGoroutines()
	}
}

// maxLength is that of the longest token that the server can have issued whose tokens are looked up.
const maxLength = 512

// isOpaque holds for what can be a token of the other server, and is no JWT: those have dots.
func isOpaque(token []byte) bool {
	if len(token) == 0 || len(token) > maxLength {
		return false
	}
	for _, b := range token {
		if (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '_' && b != '=' {
			return false
		}
	}
	return true
}
