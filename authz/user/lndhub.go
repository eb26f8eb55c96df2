package user

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	lndhubTimeout   = 5 * time.Second
	maxLNDHubAnswer = 64 << 10
	// lndhubConns is how many logins are asked for at once; the others wait, as long as one may take. Anyone can send a
	// login, and each costs a connection here and a slow hash over there.
	lndhubConns = 64
	// lndhubSuspends begins what lndhub.go says of an account that is suspended or deleted. Its code is that of a wrong
	// password.
	lndhubSuspends = "Account has been suspended"
	// lndhubPause is how long lndhub.go takes to let an address ask again that asked too often.
	lndhubPause = time.Second
)

// LNDHub authenticates users by login and password at lndhub.go, which answers with a JWT that names the user. It blocks
// at most 5 s and asks once: a login is not repeated. lndhub.go is told the caller's address, by which it limits requests.
type LNDHub struct {
	url    string
	secret []byte
	client *http.Client
	// pausedUntil is in nanoseconds since 1970.
	pausedUntil atomic.Int64

	// Now is time.Now when nil.
	Now func() time.Time
}

var _ Authenticator = (*LNDHub)(nil)

// NewLNDHub returns the authenticator for the lndhub.go at baseURL, which signs its tokens with the secret. secured is for
// an https URL; nil means the usual. Passwords go to baseURL and nowhere else: redirects are not followed, and no proxy of
// the environment is used. All logins have to go through one value, which bounds how many are asked for at once.
func NewLNDHub(baseURL string, secret []byte, secured *tls.Config) *LNDHub {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost = lndhubConns, lndhubConns
	transport.Proxy = nil
	transport.TLSClientConfig = secured
	return &LNDHub{url: baseURL, secret: secret, client: &http.Client{
		Transport:     transport,
		Timeout:       lndhubTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Authenticate implements Authenticator for a proof with a login or a password.
func (a *LNDHub) Authenticate(ctx context.Context, proof Proof) (string, error) {
	if !proof.hasPassword() {
		return "", ErrNotApplicable
	}
	if proof.Login == "" || proof.Password == "" {
		return "", errWrongPassword
	}
	token, err := a.ask(ctx, struct {
		Login    string `json:"login"`
		Password string `json:"password"`
	}{proof.Login, proof.Password}, proof.Address)
	if err != nil {
		return "", err
	}
	claims, err := verifyUserJWT(token, a.secret, timeFrom(a.Now))
	if err != nil { // not the user's mistake: the two servers do not share a secret or a clock
		return "", fmt.Errorf("%w: the token of lndhub is refused: %s", ErrUnavailable, err.Error())
	}
	return claims.subject, nil
}

// ask returns the token that lndhub.go's /auth gives for what body proves. The error is or wraps errWrongPassword, ErrSuspended, a *BrakedError
// or ErrUnavailable, or is an internal one.
func (a *LNDHub) ask(ctx context.Context, body any, address netip.Addr) (token string, err error) {
	request, err := a.newRequest(ctx, body, address)
	if err != nil {
		return "", err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer func() { _ = response.Body.Close() }()
	return readAnswer(response.StatusCode, io.LimitReader(response.Body, maxLNDHubAnswer))
}

func (a *LNDHub) newRequest(ctx context.Context, body any, address netip.Addr) (*http.Request, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode question to lndhub: %w", err)
	}
	target, err := url.JoinPath(a.url, "auth")
	if err != nil {
		return nil, fmt.Errorf("lndhub URL: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(encoded))
	if err != nil {
		return nil, fmt.Errorf("make question to lndhub: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if address != (netip.Addr{}) {
		// One address, not the way here: lndhub.go believes the first that it reads.
		request.Header.Set("X-Forwarded-For", address.WithZone("").String())
	}
	return request, nil
}

// readAnswer makes of lndhub.go's answer what ask returns. A refusal is one only in lndhub.go's own words: what a proxy in
// front of it refuses says nothing about the password.
func readAnswer(status int, body io.Reader) (token string, err error) {
	switch status {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
	case http.StatusTooManyRequests:
		return "", &BrakedError{RetryAfter: lndhubPause}
	default:
		return "", fmt.Errorf("%w: lndhub answered %d", ErrUnavailable, status)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       bool   `json:"error"`
		Message     string `json:"message"`
	}
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return "", fmt.Errorf("%w: read answer of lndhub, status %d: %w", ErrUnavailable, status, err)
	}
	switch {
	case answer.Error && strings.HasPrefix(answer.Message, lndhubSuspends):
		return "", ErrSuspended
	case answer.Error: // older servers report a wrong password with status 200
		return "", errWrongPassword
	case status != http.StatusOK:
		return "", fmt.Errorf("%w: lndhub answered %d without a reason", ErrUnavailable, status)
	case answer.AccessToken == "":
		return "", fmt.Errorf("%w: lndhub answered without a token", ErrUnavailable)
	}
	return answer.AccessToken, nil
}
