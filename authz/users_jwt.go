package authz

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// HostJWT authenticates users by a JWT of the host application, the one that users are signed in to already: HS256 with
// a shared secret, the numeric claim "id" names the user, "exp" is required, and refresh tokens ("isRefresh") do not
// count. It neither blocks nor asks anyone.
type HostJWT struct {
	Secret []byte
	// Now is time.Now when nil.
	Now func() time.Time
}

var _ UserAuthenticator = (*HostJWT)(nil)

// Authenticate implements UserAuthenticator for a proof with a token. Without a secret no proof applies.
func (a *HostJWT) Authenticate(_ context.Context, proof Proof) (string, error) {
	if proof.Token == "" || len(a.Secret) == 0 {
		return "", ErrNotApplicable
	}
	return verifyUserJWT(proof.Token, a.Secret, clock(a.Now))
}

func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

// verifyUserJWT returns the user that a token of the host application or of lndhub.go names. Errors wrap ErrUserDenied
// and do not show the token.
func verifyUserJWT(token string, secret []byte, now func() time.Time) (string, error) {
	payload, err := verifyHS256(token, secret)
	if err != nil {
		return "", fmt.Errorf("%w: the token is malformed or its signature is wrong", ErrUserDenied)
	}
	var claims map[string]any
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber() // a float64 would turn large ids into those of other users
	if err := decoder.Decode(&claims); err != nil {
		return "", fmt.Errorf("%w: the token holds no claims", ErrUserDenied)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("%w: the token holds more than claims", ErrUserDenied)
	}
	expires, ok := seconds(claims["exp"])
	switch {
	case !ok:
		return "", fmt.Errorf("%w: the token does not say when it expires", ErrUserDenied)
	case float64(now().Unix()) >= expires:
		return "", fmt.Errorf("%w: the token has expired", ErrUserDenied)
	}
	if begins, ok := seconds(claims["nbf"]); ok && float64(now().Unix()) < begins {
		return "", fmt.Errorf("%w: the token is not valid yet", ErrUserDenied)
	}
	if refresh, present := claims["isRefresh"]; present && refresh != false {
		return "", fmt.Errorf("%w: the token is a refresh token", ErrUserDenied)
	}
	// The gateway's credential for lndhub.go is signed with the same secret. It speaks for one application and for as much
	// as its token allowed, and whoever gets to see it must not be able to sign in as the user.
	if client, present := claims["clientId"]; present && client != "" {
		return "", fmt.Errorf("%w: the token was made for an application", ErrUserDenied)
	}
	number, _ := claims["id"].(json.Number)
	id, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || id <= 0 {
		return "", fmt.Errorf("%w: the token does not hold a user's id", ErrUserDenied)
	}
	return strconv.FormatInt(id, 10), nil
}

// verifyHS256 accepts a compact JWS that says itself that it is HS256 and needs no extension to be understood.
func verifyHS256(token string, secret []byte) ([]byte, error) {
	if len(secret) == 0 || strings.Count(token, ".") != 2 || strings.ContainsAny(token, "{ \t\r\n") {
		return nil, fmt.Errorf("not a compact JWS")
	}
	var message jws.Message
	payload, err := jws.Verify([]byte(token), jws.WithKey(jwa.HS256, secret), jws.WithMessage(&message))
	if err != nil {
		return nil, err
	}
	header := message.Signatures()[0].ProtectedHeaders()
	if _, unencoded := header.Get("b64"); unencoded || header.Algorithm() != jwa.HS256 || len(header.Critical()) > 0 {
		return nil, fmt.Errorf("not plain HS256")
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
