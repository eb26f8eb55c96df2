package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"strconv"
	"sync"
	"time"

	"gatehouse/keys"
)

// lndhubLifespan is long enough for the one request that it is made for.
const lndhubLifespan = 60 * time.Second

// lndhubHeader is {"alg":"HS256","typ":"JWT"}.
const lndhubHeader = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

// lndhub is a JWT as lndhub.go issues them (HS256), for the user the token speaks for.
type lndhub struct {
	macs sync.Pool // of hash.Hash, keyed with the secret: keying costs more than signing
	in   Place
	now  func() time.Time
}

var _ maker = (*lndhub)(nil)

// lndhubClaims has no iat: lndhub.go refuses a token from a clock that is ahead of its own.
type lndhubClaims struct {
	ID        int64  `json:"id"`
	IsRefresh bool   `json:"isRefresh"`
	ClientID  string `json:"clientId"`
	ExpiresAt int64  `json:"exp"`
}

func newLNDHub(secret []byte, in Place, now func() time.Time) *lndhub {
	l := &lndhub{in: in, now: now}
	l.macs.New = func() any { return hmac.New(sha256.New, secret) }
	return l
}

func (l *lndhub) append(dst []byte, claims *keys.Claims, _ []byte) ([]byte, error) {
	// Without a grant the subject is the client itself, which is no user even where its name is a user's number.
	id, ok := userID(claims.Subject)
	if !ok || claims.GrantID == "" {
		return nil, ErrNoUser
	}
	payload, err := json.Marshal(lndhubClaims{
		ID:        id,
		ClientID:  claims.ClientID,
		ExpiresAt: l.now().Add(lndhubLifespan).Unix(),
	})
	if err != nil {
		return nil, fmt.Errorf("encode lndhub credential: %w", err)
	}
	dst = append(dst, l.in.before...)
	start := len(dst)
	dst = append(dst, lndhubHeader+"."...)
	dst = base64.RawURLEncoding.AppendEncode(dst, payload)
	var sum [sha256.Size]byte
	signature := l.sign(sum[:0], dst[start:])
	dst = append(dst, '.')
	dst = base64.RawURLEncoding.AppendEncode(dst, signature)
	return append(dst, l.in.after...), nil
}

func (l *lndhub) sign(dst, input []byte) []byte {
	mac := l.macs.Get().(hash.Hash)
	defer l.macs.Put(mac)
	mac.Reset()
	mac.Write(input)
	return mac.Sum(dst)
}

// userID accepts one spelling of each number: 7, and neither +7 nor 007.
func userID(subject string) (int64, bool) {
	id, err := strconv.ParseInt(subject, 10, 64)
	return id, err == nil && id > 0 && strconv.FormatInt(id, 10) == subject
}
