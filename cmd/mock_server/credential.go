package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// walletClaims are what lndhub.go reads in the JWTs that it shares with the host application.
type walletClaims struct {
	UserID    *int64 `json:"id"`
	IsRefresh bool   `json:"isRefresh"`
	jwt.RegisteredClaims
}

// userJWT signs what the host application hands to its users: the proof of who they are, at the authorization endpoint.
func userJWT(secret []byte, userID int64, now time.Time, lifespan time.Duration) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, walletClaims{
		UserID: &userID,
		RegisteredClaims: jwt.RegisteredClaims{
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(lifespan)),
		},
	}).SignedString(secret)
}

// credentialUser tells whose request it is, or errBadAuth where lndhub.go would not let it in. It reads the credential with another JWT library than
// the gateway writes it with, so that a mistake in one does not hide in the other.
func credentialUser(r *http.Request, secret []byte, now func() time.Time) (int64, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return 0, errBadAuth
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return 0, errBadAuth
	}
	var claims walletClaims
	_, err := jwt.ParseWithClaims(token, &claims,
		func(*jwt.Token) (any, error) { return secret, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(now),
	)
	if err != nil || claims.UserID == nil || claims.IsRefresh {
		return 0, errBadAuth
	}
	return *claims.UserID, nil
}
