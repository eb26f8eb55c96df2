package registration

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"gatehouse/authz/client"
	"gatehouse/registry"
)

// answer is the client information response (RFC 7591 section 3.2.1, RFC 7592 section 3): whatever is registered, which may be less
// than what was asked for.
type answer struct {
	ID        string `json:"client_id"`
	IssuedAt  int64  `json:"client_id_issued_at"`
	Secret    string `json:"client_secret,omitempty"` // seen once, when it is made
	ExpiresAt *int64 `json:"client_secret_expires_at,omitempty"`
	At        string `json:"registration_client_uri"`
	Token     string `json:"registration_access_token"`

	Name          string   `json:"client_name,omitempty"`
	URI           string   `json:"client_uri,omitempty"`
	RedirectURIs  []string `json:"redirect_uris"`
	Scope         string   `json:"scope"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	DPoPBound     bool     `json:"dpop_bound_access_tokens,omitempty"`
	PushedOnly    bool     `json:"require_pushed_authorization_requests,omitempty"`

	Keys       json.RawMessage `json:"jwks,omitempty"`
	KeysURL    string          `json:"jwks_uri,omitempty"`
	SigningAlg string          `json:"token_endpoint_auth_signing_alg,omitempty"`
	about
}

// answerOf tells a client what it is registered as, and the token with which it manages that: it does not change.
func (h *Handler) answerOf(c registry.Client, about about, token string) answer {
	a := answer{
		ID:            c.ID,
		IssuedAt:      c.CreatedAt.Unix(),
		At:            h.Issuer + Path + "/" + c.ID,
		Token:         token,
		Name:          c.Name,
		URI:           c.URL,
		RedirectURIs:  c.RedirectURIs,
		Scope:         strings.Join(c.Scopes, " "),
		GrantTypes:    client.GrantTypesOf(c),
		ResponseTypes: []string{responseCode},
		DPoPBound:     c.DPoPBound,
		PushedOnly:    c.PushedOnly,
		Keys:          json.RawMessage(c.Keys),
		KeysURL:       c.KeysURL,
		SigningAlg:    c.SigningAlg,
		about:         about,
	}
	if c.Name == c.ID { // it has none, and users are shown that
		a.Name = ""
	}
	if len(c.Scopes) == 0 {
		a.Scope = strings.Join(slices.Sorted(maps.Keys(h.Scopes)), " ")
	}
	if !c.Public && !c.HasKeys() {
		a.ExpiresAt = new(int64) // never
	}
	return a
}
