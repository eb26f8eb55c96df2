package main

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/registry"
)

func newClient(configPath *string) *cobra.Command {
	client := &cobra.Command{
		Use:   "client",
		Short: "Register, list, change and delete clients",
		Example: "  gatehouse client create --name 'My application' --redirect-uri https://app.example/callback\n" +
			"  gatehouse client list",
	}
	client.AddCommand(
		newClientCreate(configPath), newClientList(configPath), newClientShow(configPath),
		newClientUpdate(configPath), newClientSecret(configPath), newClientDelete(configPath),
	)
	return client
}

// clientRecord is a client for programs. The names are those of the admin API.
type clientRecord struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	ImageURL       string   `json:"imageUrl"`
	URL            string   `json:"url"`
	Domain         string   `json:"domain"`
	RedirectURIs   []string `json:"redirectUris"`
	Scopes         []string `json:"scopes"`        // empty: every scope of the routes
	DefaultScopes  []string `json:"defaultScopes"` // empty: a request has to name its scopes
	RequiredScopes []string `json:"requiredScopes"`
	GrantTypes     []string `json:"grantTypes"` // empty: those of a client that acts for users
	Public         bool     `json:"public"`
	DPoPBound      bool     `json:"dpopBoundAccessTokens"`
	PushedOnly     bool     `json:"requirePushedAuthorizationRequests"`
	// JWKS and JWKSURI are there for a client that signs who it is.
	JWKS    json.RawMessage `json:"jwks,omitempty"`
	JWKSURI string          `json:"jwksUri,omitempty"`
	// SigningAlg is there for one that signs with that algorithm alone.
	SigningAlg string `json:"tokenEndpointAuthSigningAlg,omitempty"`

	CreatedAt  time.Time  `json:"createdAt"`
	UpdatedAt  time.Time  `json:"updatedAt"`
	DisabledAt *time.Time `json:"disabledAt,omitempty"`
	// RegisteredItselfAt is there for one that has registered itself.
	RegisteredItselfAt *time.Time `json:"registeredItselfAt,omitempty"`
}

func recordOf(c registry.Client) clientRecord {
	r := clientRecord{
		ID:             c.ID,
		Name:           c.Name,
		ImageURL:       c.ImageURL,
		URL:            c.URL,
		Domain:         c.Domain,
		RedirectURIs:   append([]string{}, c.RedirectURIs...),
		Scopes:         append([]string{}, c.Scopes...),
		DefaultScopes:  append([]string{}, c.DefaultScopes...),
		RequiredScopes: append([]string{}, c.RequiredScopes...),
		GrantTypes:     append([]string{}, c.GrantTypes...),
		Public:         c.Public,
		DPoPBound:      c.DPoPBound,
		PushedOnly:     c.PushedOnly,
		JWKS:           json.RawMessage(c.Keys),
		JWKSURI:        c.KeysURL,
		SigningAlg:     c.SigningAlg,
		CreatedAt:      c.CreatedAt,
		UpdatedAt:      c.UpdatedAt,
	}
	if c.Disabled() {
		r.DisabledAt = &c.DisabledAt
	}
	if c.RegisteredItself() {
		r.RegisteredItselfAt = &c.CreatedAt
	}
	return r
}

func clientTable(t *table, clients []registry.Client) {
	t.row("ID", "NAME", "TYPE", "CALLBACK", "SCOPES", "CREATED")
	for _, c := range clients {
		t.row(c.ID, c.Name, kindOf(c), callbackOf(c), scopesOf(c), when(c.CreatedAt))
	}
}

// clientDetails is a client with everything that is known of it, and its secret if it was made just now.
func clientDetails(t *table, c registry.Client, secret string) {
	for _, detail := range [][2]string{
		{"ID", c.ID},
		{"Secret", secret},
		{"Name", c.Name},
		{"Type", kindOf(c)},
		{"Domain", c.Domain},
		{"Redirect URIs", strings.Join(c.RedirectURIs, " ")},
		{"Scopes", scopesOf(c)},
		{"Default scopes", strings.Join(c.DefaultScopes, " ")},
		{"Required scopes", strings.Join(c.RequiredScopes, " ")},
		{"Grant types", cmp.Or(strings.Join(c.GrantTypes, " "), "default")},
		{"DPoP", boundOf(c)},
		{"Requests", pushedOf(c)},
		{"Keys", signingKeysOf(c)},
		{"Signs with", c.SigningAlg},
		{"URL", c.URL},
		{"Image URL", c.ImageURL},
		{"Created", when(c.CreatedAt)},
		{"Kept unused until", when(c.KeptUntil)},
		{"Updated", when(c.UpdatedAt)},
		{"Disabled", when(c.DisabledAt)},
	} {
		if detail[1] != "" {
			t.row(detail[0], detail[1])
		}
	}
}

func kindOf(c registry.Client) string {
	switch {
	case c.Disabled():
		return "disabled"
	case c.RegisteredItself():
		return "registered itself"
	case c.Fingerprint != "":
		return "document"
	case c.Public:
		return "public"
	default:
		return "confidential"
	}
}

// signingKeysOf is where the keys of a client are.
func signingKeysOf(c registry.Client) string {
	if c.Keys != "" {
		return "registered; see --json"
	}
	return c.KeysURL
}

func boundOf(c registry.Client) string {
	if c.DPoPBound {
		return "all access tokens are bound to a key"
	}
	return ""
}

func pushedOf(c registry.Client) string {
	if c.PushedOnly {
		return "have to be pushed"
	}
	return ""
}

func callbackOf(c registry.Client) string {
	return strings.TrimSpace(c.Domain + " " + strings.Join(c.RedirectURIs, " "))
}

func scopesOf(c registry.Client) string {
	return cmp.Or(strings.Join(c.Scopes, " "), "all")
}
