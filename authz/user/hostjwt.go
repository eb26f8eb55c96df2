package user

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// HostJWT authenticates users by a JWT of the host application, the one that users are signed in to already. The token is
// HS256 with a shared secret, its numeric claim "id" names the user, and it has to expire ("exp"). A refresh token
// ("isRefresh") is refused. It neither blocks nor asks anyone.
type HostJWT struct {
	Secret []byte
	// Now is time.Now when nil.
	Now func() time.Time
}

var _ Authenticator = (*HostJWT)(nil)

// Authenticate implements Authenticator for a proof with a token. Without a secret no proof applies.
func (a *HostJWT) Authenticate(_ context.Context, proof Proof) (string, error) {
	if proof.Token == "" || len(a.Secret) == 0 {
		return "", ErrNotApplicable
	}
	claims, err := verifyUserJWT(proof.Token, a.Secret, timeFrom(a.Now))
	switch {
	case err != nil:
		return "", err
	case claims.saysBefore("iat", proof.IssuedSince):
		return "", &DeniedError{"the token is older than the request"}
	case claims.saysBefore("auth_time", proof.SignedInSince):
		return "", &DeniedError{"the user signed in too long ago"}
	}
	return claims.subject, nil
}

// timeFrom is what a clock says; without one, the time.
func timeFrom(clock func() time.Time) time.Time {
	if clock == nil {
		return time.Now()
	}
	return clock()
}

// userClaims are those of a token that is good.
type userClaims struct {
	subject string
	all     map[string]any
}

// saysBefore holds where the claim is a time before that one.
func (c userClaims) saysBefore(claim string, that time.Time) bool {
	at, ok := seconds(c.all[claim])
	return ok && !that.IsZero() && at < float64(that.Unix())
}

// verifyUserJWT returns the claims of a token of the host application or of lndhub.go, which names a user. The error is a *DeniedError
// that does not show the token.
func verifyUserJWT(token string, secret []byte, now time.Time) (userClaims, error) {
	payload, err := verifyHS256(token, secret)
	if err != nil {
		return userClaims{}, &DeniedError{"the token is malformed or its signature is wrong"}
	}
	var claims map[string]any
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber() // a float64 would turn large ids into those of other users
	if err := decoder.Decode(&claims); err != nil {
		return userClaims{}, &DeniedError{"the token holds no claims"}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return userClaims{}, &DeniedError{"the token holds more than claims"}
	}
	expires, ok := seconds(claims["exp"])
	switch {
	case !ok:
		return userClaims{}, &DeniedError{"the token does not say when it expires"}
	case float64(now.Unix()) >= expires:
		return userClaims{}, &DeniedError{"the token has expired"}
	}
	if begins, ok := seconds(claims["nbf"]); ok && float64(now.Unix()) < begins {
		return userClaims{}, &DeniedError{"the token is not valid yet"}
	}
	if refresh, present := claims["isRefresh"]; present && refresh != false {
		return userClaims{}, &DeniedError{"the token is a refresh token"}
	}
	// The gateway's credential for lndhub.go is signed with the same secret. It speaks for one application, and for no more
	// than its token allowed: whoever sees it must not be able to sign in as the user.
	if client, present := claims["clientId"]; present && client != "" {
		return userClaims{}, &DeniedError{"the token was made for an application"}
	}
	number, _ := claims["id"].(json.Number)
	id, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || id <= 0 {
		return userClaims{}, &DeniedError{"the token does not hold a user's id"}
	}
	return userClaims{subject: strconv.FormatInt(id, 10), all: claims}, nil
}

// verifyHS256 returns the payload of a compact JWS. Its header must say HS256 and ask for no extension.
func verifyHS256(token string, secret []byte) ([]byte, error) {
	if len(secret) == 0 || strings.Count(token, ".") != 2 || strings.ContainsAny(token, "{ \t\r\n") {
		return nil, errors.New("not a compact JWS")
	}
	var message jws.Message
	payload, err := jws.Verify([]byte(token), jws.WithKey(jwa.HS256, secret), jws.WithMessage(&message))
	if err != nil {
		return nil, err
	}
	header := message.Signatures()[0].ProtectedHeaders()
	if _, unencoded := header.Get("b64"); unencoded || header.Algorithm() != jwa.HS256 || len(header.Critical()) > 0 {
		return nil, errors.New("not plain HS256")
	}
	return payload, nil
}

func seconds(claim any) (float64, bool) {
	number, ok := claim.(json.Number)
	if !ok {
		return 0, false
	}
	value, err := number.Float64()
	return value, err == nil
}
