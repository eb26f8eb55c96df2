package client

import (
	"slices"

	"gatehouse/registry"
)

// The grant types that a client can be registered for (RFC 6749 sections 4.1, 6 and 4.4).
const (
	AuthorizationCode = "authorization_code"
	RefreshToken      = "refresh_token"
	ClientCredentials = "client_credentials"
)

var grantTypes = []string{AuthorizationCode, RefreshToken, ClientCredentials}

// GrantTypes returns every grant type that there is here.
func GrantTypes() []string { return slices.Clone(grantTypes) }

// GrantTypesOf returns the grant types that the client may use. One that was registered without any acts for users, as
// every client of oauth2server did.
func GrantTypesOf(c registry.Client) []string {
	if len(c.GrantTypes) == 0 {
		return []string{AuthorizationCode, RefreshToken}
	}
	return c.GrantTypes
}
