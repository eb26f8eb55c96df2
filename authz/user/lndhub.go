package user

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	lndhubTimeout   = 5 * time.Second
	maxLNDHubAnswer = 64 << 10
	// lndhubConns is how many logins are asked for at once; the others wait, as long as one may take. Anyone can send a
	// login, and each costs a connection here and a slow hash over there.
	lndhubConns = 64
)

// LNDHub authenticates users by login and password at lndhub.go, which answers with a JWT that names the user. It blocks
// at most 5 s and asks once: a login is not repeated.
type LNDHub struct {
	url    string
	secret []byte
	client *http.Client

	// Now is time.Now when nil.
	Now func() time.Time
}

var _ Authenticator = (*LNDHub)(nil)

// NewLNDHub returns the authenticator for the lndhub.go at baseURL, which signs its tokens with the secret. All logins
// have to go through one value, which bounds how many are asked for at once.
func NewLNDHub(baseURL string, secret []byte) *LNDHub {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost = lndhubConns, lndhubConns
	return &LNDHub{url: baseURL, secret: secret, client: &http.Client{
		Transport: transport,
		Timeout:   lndhubTimeout,
		// A password is sent where it was configured to go, nowhere else.
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
	token, err := a.login(ctx, proof)
	if err != nil {
		return "", err
	}
	subject, err := verifyUserJWT(token, a.secret, timeFrom(a.Now))
	if err != nil { // not the user's mistake: the two servers do not share a secret or a clock
		return "", fmt.Errorf("%w: the token of lndhub is refused: %s", ErrUnavailable, err.Error())
	}
	return subject, nil
}

// login returns the token that lndhub.go answers with. The error is or wraps errWrongPassword or ErrUnavailable, or is an
// internal one.
func (a *LNDHub) login(ctx context.Context, proof Proof) (token string, err error) {
	body, err := json.Marshal(struct {
		Login    string `json:"login"`
		Password string `json:"password"`
	}{proof.Login, proof.Password})
	if err != nil {
		return "", fmt.Errorf("encode login: %w", err)
	}
	target, err := url.JoinPath(a.url, "auth")
	if err != nil {
		return "", fmt.Errorf("lndhub URL: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("make login request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer func() { _ = response.Body.Close() }()

	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return "", errWrongPassword
	default:
		return "", fmt.Errorf("%w: lndhub answered %d", ErrUnavailable, response.StatusCode)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       bool   `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxLNDHubAnswer)).Decode(&answer); err != nil {
		return "", fmt.Errorf("%w: read answer of lndhub: %w", ErrUnavailable, err)
	}
	switch {
	case answer.Error: // older servers report a wrong password with status 200
		return "", errWrongPassword
	case answer.AccessToken == "":
		return "", fmt.Errorf("%w: lndhub answered without a token", ErrUnavailable)
	}
	return answer.AccessToken, nil
}
