package admin

import (
	"encoding/json"
	"time"

	"gatehouse/authz/client"
	"gatehouse/registry"
)

// createBody is what a client is registered with. oauth2server's fields are name, url, domain, imageUrl and public.
// Neither the id nor the secret can be chosen here.
type createBody struct {
	Name           string   `json:"name"`
	URL            string   `json:"url"`    // landing page
	Domain         string   `json:"domain"` // callback
	ImageURL       string   `json:"imageUrl"`
	Public         bool     `json:"public"`
	RedirectURIs   []string `json:"redirectUris"`
	Scopes         []string `json:"scopes"`
	DefaultScopes  []string `json:"defaultScopes"`
	RequiredScopes []string `json:"requiredScopes"`
	GrantTypes     []string `json:"grantTypes"`
	DPoPBound      bool     `json:"dpopBoundAccessTokens"`
	PushedOnly     bool     `json:"requirePushedAuthorizationRequests"`
	// JWKS and JWKSURI are those of RFC 7591: a client with either has no secret.
	JWKS    json.RawMessage `json:"jwks"`
	JWKSURI string          `json:"jwksUri"`
	// UserID was accepted by oauth2server, without effect, and is accepted still.
	UserID json.RawMessage `json:"userId"`
}

func (b createBody) settings() client.Settings {
	return client.Settings{
		Name:           b.Name,
		URL:            b.URL,
		ImageURL:       b.ImageURL,
		Domain:         b.Domain,
		RedirectURIs:   b.RedirectURIs,
		Scopes:         b.Scopes,
		DefaultScopes:  b.DefaultScopes,
		RequiredScopes: b.RequiredScopes,
		GrantTypes:     b.GrantTypes,
		Public:         b.Public,
		DPoPBound:      b.DPoPBound,
		PushedOnly:     b.PushedOnly,
		Keys:           unlessNull(b.JWKS),
		KeysURL:        b.JWKSURI,
	}
}

// updateBody changes what is shown of a client, its default scope, and what it needs. A text that is empty or missing stays as it is, and
// so does what is missing or null of the rest.
type updateBody struct {
	Name           string          `json:"name"`
	URL            string          `json:"url"`
	ImageURL       string          `json:"imageUrl"`
	DefaultScopes  *[]string       `json:"defaultScopes"`
	RequiredScopes *[]string       `json:"requiredScopes"`
	DPoPBound      *bool           `json:"dpopBoundAccessTokens"`
	PushedOnly     *bool           `json:"requirePushedAuthorizationRequests"`
	JWKS           json.RawMessage `json:"jwks"`
	JWKSURI        string          `json:"jwksUri"`
	UserID         json.RawMessage `json:"userId"`
}

func (b updateBody) change() client.Change {
	return client.Change{
		Name:           unlessEmpty(b.Name),
		URL:            unlessEmpty(b.URL),
		ImageURL:       unlessEmpty(b.ImageURL),
		DefaultScopes:  b.DefaultScopes,
		RequiredScopes: b.RequiredScopes,
		DPoPBound:      b.DPoPBound,
		PushedOnly:     b.PushedOnly,
		Keys:           unlessEmpty(unlessNull(b.JWKS)),
		KeysURL:        unlessEmpty(b.JWKSURI),
	}
}

// unlessNull is a member as it was written; "" where it is null or missing.
func unlessNull(member json.RawMessage) string {
	if string(member) == "null" {
		return ""
	}
	return string(member)
}

func unlessEmpty(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

// clientAnswer is a client as oauth2server's get and list show it; what oauth2server did not have is left out where
// it is not used.
type clientAnswer struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	ImageURL       string   `json:"imageUrl"`
	URL            string   `json:"url"`
	DefaultScopes  []string `json:"defaultScopes,omitempty"`
	RequiredScopes []string `json:"requiredScopes,omitempty"`
	DPoPBound      bool     `json:"dpopBoundAccessTokens,omitempty"`
	PushedOnly     bool     `json:"requirePushedAuthorizationRequests,omitempty"`
	// JWKS and JWKSURI are there for a client that signs who it is.
	JWKS    json.RawMessage `json:"jwks,omitempty"`
	JWKSURI string          `json:"jwksUri,omitempty"`
	// SigningAlg is there for one that signs with that algorithm alone.
	SigningAlg string `json:"tokenEndpointAuthSigningAlg,omitempty"`
	Disabled   bool   `json:"disabled,omitempty"`
	// Document says that the client is what its metadata document says, which is at its id.
	Document bool `json:"document,omitempty"`
	// RegisteredItselfAt is there for one that has registered itself.
	RegisteredItselfAt *time.Time `json:"registeredItselfAt,omitempty"`
}

func answerOf(c registry.Client) clientAnswer {
	a := clientAnswer{
		ID: c.ID, Name: c.Name, ImageURL: c.ImageURL, URL: c.URL, DefaultScopes: c.DefaultScopes, RequiredScopes: c.RequiredScopes,
		DPoPBound: c.DPoPBound, PushedOnly: c.PushedOnly, JWKS: json.RawMessage(c.Keys), JWKSURI: c.KeysURL, SigningAlg: c.SigningAlg,
		Disabled: c.Disabled(), Document: c.Fingerprint != "" && !c.RegisteredItself(),
	}
	if c.RegisteredItself() {
		a.RegisteredItselfAt = &c.CreatedAt
	}
	return a
}

// updatedAnswer is a client after a change. oauth2server's documentation calls its id id, and its program clientId.
type updatedAnswer struct {
	clientAnswer
	ClientID string `json:"clientId"`
}

// createdAnswer is a client as oauth2server's create shows it: the only time that a secret is seen.
type createdAnswer struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret,omitempty"`
	Name         string `json:"name"`
	ImageURL     string `json:"imageUrl"`
	URL          string `json:"url"`
}

func createdAnswerOf(c registry.Client, secret string) createdAnswer {
	return createdAnswer{ClientID: c.ID, ClientSecret: secret, Name: c.Name, ImageURL: c.ImageURL, URL: c.URL}
}
