package authz

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	lndhubTimeout   = 5 * time.Second
	maxLNDHubAnswer = 64 << 10
)

// LNDHub authenticates users by login and password at lndhub.go, which answers with a JWT that names the user. It blocks
// at most 5 s and asks once: a login is not repeated.
type LNDHub struct {
	url    string
	secret []byte
	now    func() time.Time
	client *http.Client
}

var _ UserAuthenticator = (*LNDHub)(nil)

// NewLNDHub returns an authenticator for lndhub.go at baseURL. secret is the one that lndhub.go signs its tokens with; now
// is time.Now when nil.
func NewLNDHub(baseURL string, secret []byte, now func() time.Time) (*LNDHub, error) {
	base, err := url.Parse(baseURL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, errors.New("the URL of lndhub must begin with http:// or https:// and a host")
	}
	return &LNDHub{
		url:    base.JoinPath("auth").String(),
		secret: secret,
		now:    clock(now),
		client: &http.Client{
			Timeout: lndhubTimeout,
			// A password is sent where it was configured to go, nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Authenticate implements UserAuthenticator for a proof with a login or a password.
func (a *LNDHub) Authenticate(ctx context.Context, proof Proof) (string, error) {
	if proof.Login == "" && proof.Password == "" {
		return "", ErrNotApplicable
	}
	if proof.Login == "" || proof.Password == "" {
		return "", errWrongPassword
	}
	token, err := a.login(ctx, proof)
	if err != nil {
		return "", err
	}
	subject, err := verifyUserJWT(token, a.secret, a.now)
	if err != nil { // not the user's mistake: the two servers do not share a secret or a clock
		return "", fmt.Errorf("%w: the token of lndhub is refused: %v", ErrUserUnavailable, err)
	}
	return subject, nil
}

var errWrongPassword = fmt.Errorf("%w: login or password is wrong", ErrUserDenied)

func (a *LNDHub) login(ctx context.Context, proof Proof) (token string, err error) {
	body, err := json.Marshal(struct {
		Login    string `json:"login"`
		Password string `json:"password"`
	}{proof.Login, proof.Password})
	if err != nil {
		return "", fmt.Errorf("encode login: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("make login request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUserUnavailable, err)
	}
	defer func() { _ = response.Body.Close() }()

	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return "", errWrongPassword
	default:
		return "", fmt.Errorf("%w: lndhub answered %d", ErrUserUnavailable, response.StatusCode)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       bool   `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxLNDHubAnswer)).Decode(&answer); err != nil {
		return "", fmt.Errorf("%w: read answer of lndhub: %w", ErrUserUnavailable, err)
	}
	switch {
	case answer.Error: // older servers report a wrong password with status 200
		return "", errWrongPassword
	case answer.AccessToken == "":
		return "", fmt.Errorf("%w: lndhub answered without a token", ErrUserUnavailable)
	}
	return answer.AccessToken, nil
}
