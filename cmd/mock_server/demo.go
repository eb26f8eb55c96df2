package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/authz/client"
	"gatehouse/cmd/demoapp"
	"gatehouse/registry"
)

const (
	// demoRedirect is where the demo clients get their codes. The demo application is there, and shows that one has come which
	// it did not ask for itself: the code is in the address.
	demoRedirect = "http://localhost:8080"
	// demoTimeout bounds each request to the server itself.
	demoTimeout = 10 * time.Second
)

// demoRedirects are all that the demo clients are registered with; they are good at every port. Libraries that write URIs in
// their usual form make another one of the first, with a slash at the end.
var demoRedirects = []string{demoRedirect, demoRedirect + demoapp.CallbackPath}

// demoUser is a user that can sign in with a login and a password, or could if the wallet had not suspended the account.
type demoUser struct {
	ID              int64
	Login, Password string
	IsSuspended     bool
}

var (
	theUser   = demoUser{ID: 12345, Login: "login", Password: "password"}
	demoUsers = []demoUser{theUser, {ID: 12346, Login: "suspended", Password: "password", IsSuspended: true}}
)

// demoClientID is the demo application's, whose access the commands of the tour leave alone.
const demoClientID = "demo"

// userJWT signs what the host application hands to its users: the proof of who they are, at the authorization endpoint.
func userJWT(secret []byte, userID int64, now time.Time, lifespan time.Duration) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"id": userID, "iat": now.Unix(), "exp": now.Add(lifespan).Unix(),
	}).SignedString(secret)
}

// demoClient is a registered application, and its secret, "" for the public ones.
type demoClient struct {
	ID, Secret, Name string
	GrantTypes       []string // empty: those of every client
}

var demoClients = []demoClient{
	{ID: "id", Secret: "secret", Name: "Example client"},
	{
		ID: "test_client", Secret: "test_secret", Name: "Test client",
		GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"},
	},
	{ID: "public", Name: "Example single-page application"},
	{ID: demoClientID, Name: "Demo application"},
}

// registerClients stores the demo clients.
func registerClients(ctx context.Context, clients *registry.Registry) error {
	for _, c := range demoClients {
		stored := registry.Client{
			ID: c.ID, Name: c.Name, Public: c.Secret == "",
			URL: "http://example.com", ImageURL: "http://example.com/image.png",
			RedirectURIs: demoRedirects, GrantTypes: c.GrantTypes,
		}
		if c.Secret != "" {
			hash, err := client.HashChosen(c.Secret)
			if err != nil {
				return err
			}
			stored.SecretHash = hash
		}
		if err := clients.CreateClient(ctx, stored); err != nil {
			return fmt.Errorf("create client %s: %w", c.ID, err)
		}
	}
	return nil
}

// tokens is what a client gets for a code.
type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
}

// obtainTokens lets the user allow the client everything, over HTTP as any application would.
func obtainTokens(ctx context.Context, issuer string, client demoClient, userJWT string, scopes []string) (tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

	consent, err := newForm(ctx, issuer+"/oauth/authorize", url.Values{
		"response_type": {"code"}, "client_id": {client.ID}, "redirect_uri": {demoRedirect},
		"scope": {strings.Join(scopes, " ")},
	})
	if err != nil {
		return tokens{}, err
	}
	consent.Header.Set("Authorization", "Bearer "+userJWT)
	redirect, err := browser.Do(consent)
	if err != nil {
		return tokens{}, err
	}
	defer redirect.Body.Close()
	location, err := redirect.Location()
	if err != nil || location.Query().Get("code") == "" {
		return tokens{}, fmt.Errorf("authorize: status %d and no code", redirect.StatusCode)
	}

	exchange, err := newForm(ctx, issuer+"/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "redirect_uri": {demoRedirect}, "code": {location.Query().Get("code")},
	})
	if err != nil {
		return tokens{}, err
	}
	exchange.SetBasicAuth(client.ID, client.Secret)
	response, err := browser.Do(exchange)
	if err != nil {
		return tokens{}, err
	}
	defer response.Body.Close()
	var granted tokens
	if err := json.NewDecoder(response.Body).Decode(&granted); err != nil || granted.AccessToken == "" {
		return tokens{}, fmt.Errorf("exchange the code: status %d and no token", response.StatusCode)
	}
	return granted, nil
}

func newForm(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r, nil
}
