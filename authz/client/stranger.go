package client

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"

	"gatehouse/registry"
)

// A stranger is a client that no operator has registered: it has said itself what it is, in a metadata document or in a
// registration of its own.

// FingerprintOf is a text that changes with whatever a user's consent to a stranger rests on: name, links, redirect URIs, scopes,
// grants, and the way in which it proves itself.
func FingerprintOf(c registry.Client, proves ...string) string {
	said := []any{c.Name, c.URL, c.ImageURL, c.RedirectURIs, c.Scopes, c.GrantTypes}
	for _, way := range proves {
		said = append(said, way)
	}
	text, _ := json.Marshal(said) // texts and lists of them never fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// OnlyLoopback reports whether every redirect URI leads to the user's own machine: then any program there can be the client.
func OnlyLoopback(c registry.Client) bool {
	return !slices.ContainsFunc(c.RedirectURIs, func(uri string) bool {
		u, err := url.Parse(uri)
		return err != nil || !IsWeb(u) || !IsLocalhost(u.Hostname())
	})
}
