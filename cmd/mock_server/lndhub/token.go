package lndhub

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	accessLifespan  = 48 * time.Hour
	refreshLifespan = 7 * 24 * time.Hour
)

// claims are those that lndhub.go reads and writes. Times are whole seconds, and 0 where there is none.
type claims struct {
	ID        int64  `json:"id"`
	IsRefresh bool   `json:"isRefresh"`
	Expires   int64  `json:"exp,omitempty"`
	Issued    int64  `json:"iat,omitempty"`
	NotBefore int64  `json:"nbf,omitempty"`
	Audience  string `json:"aud,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	Subject   string `json:"sub,omitempty"`
}

var _ jwt.Claims = (*claims)(nil)

func numericDate(seconds int64) (*jwt.NumericDate, error) {
	if seconds == 0 {
		return nil, nil // the interface's way of saying that there is none
	}
	return jwt.NewNumericDate(time.Unix(seconds, 0)), nil
}

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return numericDate(c.Expires) }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return numericDate(c.Issued) }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return numericDate(c.NotBefore) }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return jwt.ClaimStrings{c.Audience}, nil }

func (h *Hub) sign(user int64, isRefresh bool, lifespan time.Duration) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, &claims{
		ID: user, IsRefresh: isRefresh, Expires: h.now().Add(lifespan).Unix(),
	}).SignedString(h.config.JWTSecret)
}

// verify returns what a token says, if it is authentic and, where it says when, of the present. Neither an end nor the
// difference between the two kinds of token is asked for.
func (h *Hub) verify(token string) (*claims, error) {
	var said claims
	_, err := jwt.ParseWithClaims(token, &said,
		func(*jwt.Token) (any, error) { return h.config.JWTSecret, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuedAt(),
		jwt.WithTimeFunc(h.config.Now),
	)
	return &said, err
}

// Secured lets pass the requests of users whom the hub knows and has not suspended, with the user's id.
func (h *Hub) Secured(next func(w http.ResponseWriter, r *http.Request, user int64)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, refused := h.userOf(r)
		if refused != nil {
			handler(func(*call) (any, *Refusal) { return nil, refused }).serve(w, r, 0)
			return
		}
		next(w, r, user)
	})
}

func (h *Hub) userOf(r *http.Request) (int64, *Refusal) {
	const scheme = "Bearer "
	for _, value := range r.Header.Values("Authorization") {
		if len(value) <= len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
			continue
		}
		said, err := h.verify(value[len(scheme):])
		if err != nil {
			continue
		}
		if said.ID == 0 {
			return 0, unauthorized
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if a := h.account(said.ID); a == nil || a.isSuspended() {
			return 0, badAuth
		}
		return said.ID, nil
	}
	return 0, badAuth
}

// strictly holds payments to the limit of their user.
func (h *Hub) strictly(next handler) handler {
	return func(c *call) (any, *Refusal) {
		if !h.payments.allow(strconv.FormatInt(c.user, 10)) {
			return nil, tooMany
		}
		return next(c)
	}
}

// administered guards what only the operator may do, where there is an admin token.
func (h *Hub) administered(next handler) handler {
	return func(c *call) (any, *Refusal) {
		if !h.payments.allow("address " + realIP(c.Request)) {
			return nil, tooMany
		}
		if h.config.AdminToken != "" {
			token, hasScheme := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
			switch {
			case !hasScheme:
				return nil, noAdminToken
			case token != h.config.AdminToken:
				return nil, unauthorized
			}
		}
		return next(c)
	}
}
