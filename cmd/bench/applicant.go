package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

const (
	applicantCallback = "https://app.example/callback"
	hostSecret        = "shared by the host application and the bench"
)

// applicant is an application, and its users, at an authorization server. It is safe for concurrent use.
type applicant struct {
	server string // URL
	tokens string // path of the token endpoint
	scope  string // that it asks its users for
	client *http.Client
	id     string
	secret string
	users  atomic.Int64 // how many have used it
	// allow has a user allow the application what it asks for, and returns where the user is sent then.
	allow func(ctx context.Context, user int64) (back *url.URL, err error)
}

// newClient keeps as many connections to each server.
func newClient(connections int) *http.Client {
	return &http.Client{
		Timeout:       time.Minute,
		Transport:     &http.Transport{MaxIdleConnsPerHost: connections},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newApplicant registers an application by the admin API.
func newApplicant(ctx context.Context, server, admin, adminToken string, connections int) (*applicant, error) {
	a := &applicant{server: server, tokens: "/oauth/token", scope: tokenScope, client: newClient(connections)}
	a.allow = a.allowAtHost
	settings := `{"name": "Bench", "url": "https://app.example", "redirectUris": ["` + applicantCallback + `"],
		"grantTypes": ["authorization_code", "refresh_token", "client_credentials"]}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, admin+"/admin/clients", strings.NewReader(settings))
	if err != nil {
		return nil, err
	}
	request.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + adminToken}}
	_, answer, err := a.send(request, http.StatusOK, http.StatusCreated)
	if err != nil {
		return nil, err
	}
	var made struct {
		ID     string `json:"clientId"`
		Secret string `json:"clientSecret"`
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		return nil, err
	}
	a.id, a.secret = made.ID, made.Secret
	return a, nil
}

// asItself gets a token by client credentials.
func (a *applicant) asItself(ctx context.Context) error {
	_, err := a.token(ctx, asItself)
	return err
}

var asItself = url.Values{"grant_type": {"client_credentials"}, "scope": {tokenScope}}

// authorize has another user allow the application what it asks for, and redeems the code.
func (a *applicant) authorize(ctx context.Context) (refreshToken string, err error) {
	back, err := a.allow(ctx, a.users.Add(1))
	if err != nil {
		return "", err
	}
	return a.redeem(ctx, back)
}

// allowAtHost is the way of a user whom the host application has asked.
func (a *applicant) allowAtHost(ctx context.Context, user int64) (*url.URL, error) {
	proof, err := proofOf(user)
	if err != nil {
		return nil, err
	}
	request, err := formRequest(ctx, a.server+"/oauth/authorize", a.authorization())
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+proof)
	header, _, err := a.send(request, http.StatusFound)
	if err != nil {
		return nil, err
	}
	return url.Parse(header.Get("Location"))
}

// proofOf is the host application's JWT of a user.
func proofOf(user int64) (string, error) {
	token, err := jwt.NewBuilder().Claim("id", user).Expiration(time.Now().Add(time.Hour)).Build()
	if err != nil {
		return "", err
	}
	proof, err := jwt.Sign(token, jwt.WithKey(jwa.HS256, []byte(hostSecret)))
	return string(proof), err
}

// authorization is what the application asks for.
func (a *applicant) authorization() url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {a.id}, "redirect_uri": {applicantCallback}, "scope": {a.scope}, "state": {"12345678"},
	}
}

// redeem redeems the code with which the user was sent back.
func (a *applicant) redeem(ctx context.Context, back *url.URL) (refreshToken string, err error) {
	got, err := a.token(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {applicantCallback},
	})
	return got.Refresh, err
}

// refresh returns the next refresh token.
func (a *applicant) refresh(ctx context.Context, refreshToken string) (next string, err error) {
	got, err := a.token(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
	return got.Refresh, err
}

// tokens are an answer of the token endpoint.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"` // empty for client credentials
}

// token asks for an access token, and for the refresh token that comes with it.
func (a *applicant) token(ctx context.Context, form url.Values) (got tokens, err error) {
	request, err := formRequest(ctx, a.server+a.tokens, form)
	if err != nil {
		return got, err
	}
	request.SetBasicAuth(a.id, a.secret)
	_, answer, err := a.send(request, http.StatusOK)
	if err != nil {
		return got, err
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return got, err
	}
	if got.Access == "" || got.Refresh == "" && form.Get("grant_type") != "client_credentials" {
		return got, fmt.Errorf("a token is missing for %s", form.Get("grant_type"))
	}
	return got, nil
}

func formRequest(ctx context.Context, target string, form url.Values) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err == nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return request, err
}

func (a *applicant) send(request *http.Request, statuses ...int) (http.Header, []byte, error) {
	return send(a.client, request, statuses...)
}

// send returns the answer, which has one of the statuses.
func send(client *http.Client, request *http.Request, statuses ...int) (http.Header, []byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, err
	}
	for _, status := range statuses {
		if response.StatusCode == status {
			return response.Header, answer, nil
		}
	}
	return nil, nil, fmt.Errorf("%s was answered with %s: %s", request.URL.Path, response.Status, bytes.TrimSpace(answer))
}
