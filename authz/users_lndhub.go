package authz

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
	// lndhubConns is how many logins are asked for at once; others wait for as long as one may take. Anyone can send a login,
	// and each takes a connection here and a slow hash over there.
	lndhubConns = 64
)

// LNDHub authenticates users by login and password at lndhub.go, which answers with a JWT that names the user. It blocks
// at most 5 s and asks once: a login is not repeated.
type LNDHub struct {
	// URL is the base URL of lndhub.go.
	URL string
	// Secret is the one that lndhub.go signs its tokens with.
	Secret []byte
	// Now is time.Now when nil.
	Now func() time.Time
}

var _ UserAuthenticator = (*LNDHub)(nil)

// lndhubClient follows no redirect: a password is sent where it was configured to go, nowhere else.
var lndhubClient = &http.Client{
	Transport:     lndhubTransport(),
	Timeout:       lndhubTimeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func lndhubTransport() *http.Transport {
	usual := http.DefaultTransport.(*http.Transport).Clone()
	usual.MaxConnsPerHost, usual.MaxIdleConnsPerHost = lndhubConns, lndhubConns
	return usual
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
	subject, err := verifyUserJWT(token, a.Secret, clock(a.Now))
	if err != nil { // not the user's mistake: the two servers do not share a secret or a clock
		return "", fmt.Errorf("%w: the token of lndhub is refused: %s", ErrUserUnavailable, err.Error())
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
	target, err := url.JoinPath(a.URL, "auth")
	if err != nil {
		return "", fmt.Errorf("lndhub URL: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("make login request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := lndhubClient.Do(request)
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
