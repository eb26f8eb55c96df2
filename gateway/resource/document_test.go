package resource_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/resource"
	"gatehouse/keys/dpop"
)

const wellKnown = "/.well-known/oauth-protected-resource"

// RFC 9728 section 3.3: a client refuses a document whose resource is not the URL that it has put the well-known part into.
func TestTheDocumentSaysTheURLThatItWasAskedFor(t *testing.T) {
	s := newSet(t)
	for asked, want := range map[string]struct {
		resource, name string
		scopes         []string
	}{
		"https://wallet.example/":           {issuer, "Wallet", []string{"a", "balance:read", "invoices:read"}},
		"https://wallet.example/balance":    {issuer + "/balance", "Wallet", []string{"balance:read"}},
		"https://wallet.example/tools":      {issuer + "/tools", "Wallet tools", []string{"tools:delete", "tools:use"}},
		"https://wallet.example/tools/pay":  {issuer + "/tools/pay", "Wallet tools", []string{"tools:delete"}},
		"https://reports.example/":          {"https://reports.example", "", []string{"b", "reports:read"}},
		"https://REPORTS.example:443/":      {"https://reports.example", "", []string{"b", "reports:read"}},
		"https://reports.example/reports":   {"https://reports.example/reports", "", []string{"reports:read"}},
		"https://inside.example:8080/tools": {issuer + "/tools", "Wallet tools", []string{"tools:delete", "tools:use"}},
	} {
		request := httptest.NewRequest(http.MethodGet, asked, nil)
		path := request.URL.Path
		if path == "/" {
			path = ""
		}
		document, ok := s.Document(request.Host, wellKnown+path)
		require.True(t, ok, asked)
		require.Equal(t, resource.Document{
			Resource: want.resource, AuthorizationServers: []string{issuer}, Scopes: want.scopes, BearerMethods: []string{"header"},
			ProofAlgorithms: dpop.Algorithms(), Name: want.name,
		}, document, asked)
		found, ok := s.Find(document.Resource)
		require.True(t, ok, "what is published can be asked for: %s", asked)
		owner, _ := s.Find(want.resource)
		require.Equal(t, owner, found)
	}
}

// RFC 9728 section 2: dpop_bound_access_tokens_required says that a bound token is always required, and not that one may be.
func TestTheDocumentSaysWhereOnlyBoundTokensPass(t *testing.T) {
	s, err := resource.New(issuer, "", map[string]resource.Settings{"tools": {URL: issuer + "/tools"}}, []resource.Route{
		{Path: "/balance", Methods: get},
		{Path: "/pay", Methods: []string{"POST"}, BoundOnly: true},
		{Path: "/mixed", Methods: get},
		{Path: "/mixed", Methods: []string{"POST"}, BoundOnly: true},
		{Path: "/tools", Methods: get, Resource: "tools", BoundOnly: true},
		{Path: "/tools/{name}", Methods: get, Resource: "tools", BoundOnly: true},
	})
	require.NoError(t, err)
	for path, boundOnly := range map[string]bool{"": false, "/balance": false, "/pay": true, "/mixed": false, "/tools": true, "/tools/pay": true} {
		document, ok := s.Document("wallet.example", wellKnown+path)
		require.True(t, ok, path)
		require.Equal(t, boundOnly, document.BoundOnly, path)
		require.Equal(t, dpop.Algorithms(), document.ProofAlgorithms, path)
	}
	empty, err := resource.New(issuer, "", nil, nil)
	require.NoError(t, err)
	document, ok := empty.Document("wallet.example", wellKnown)
	require.True(t, ok)
	require.False(t, document.BoundOnly, "nothing is required where nothing is")
}

func TestThereIsNoDocumentOfAnythingElse(t *testing.T) {
	s := newSet(t)
	for _, path := range []string{
		"/nowhere", "/tools/", "/tool%73", "/balance/", "//", "/../balance", "/%2e%2e/balance", "/mixed", "/Balance", "/tools/a/b", "x", "x/balance",
	} {
		_, ok := s.Document("wallet.example", wellKnown+path)
		require.False(t, ok, path)
	}
	_, ok := s.Document("other.example", wellKnown)
	require.False(t, ok, "two are there, and the host is neither's")
}

func TestAnIssuerWithAPathHasItsDocumentBehindTheName(t *testing.T) {
	const issuer = "https://wallet.example/auth"
	s, err := resource.New(issuer, "", map[string]resource.Settings{"tools": {URL: issuer + "/tools"}}, []resource.Route{
		{Path: "/balance", Methods: get, Scope: "balance:read"}, {Path: "/tools", Methods: get, Scope: "tools:use", Resource: "tools"},
	})
	require.NoError(t, err)
	own, _ := s.Of("")
	require.Equal(t, "https://wallet.example/.well-known/oauth-protected-resource/auth", own.MetadataURL)
	for path, want := range map[string]string{"": issuer, "/auth": issuer, "/auth/balance": issuer + "/balance", "/auth/tools": issuer + "/tools"} {
		document, ok := s.Document("wallet.example", wellKnown+path)
		require.True(t, ok, path)
		require.Equal(t, want, document.Resource)
		_, ok = s.Find(want)
		require.True(t, ok, want)
	}
	_, ok := s.Find("https://wallet.example/balance")
	require.False(t, ok)
}

func TestDocumentsAreForEverybody(t *testing.T) {
	server := httptest.NewServer(newSet(t).Handler(5 * time.Minute))
	defer server.Close()
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+wellKnown+"/tools", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		require.Equal(t, "*", response.Header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "application/json", response.Header.Get("Content-Type"))
		if method == http.MethodPost {
			require.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)
			require.Equal(t, "GET, HEAD", response.Header.Get("Allow"))
			require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
			continue
		}
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Equal(t, "public, max-age=300", response.Header.Get("Cache-Control"))
		if method == http.MethodGet {
			var document map[string]any
			require.NoError(t, json.NewDecoder(response.Body).Decode(&document))
			require.Equal(t, map[string]any{
				"resource": issuer + "/tools", "authorization_servers": []any{issuer}, "scopes_supported": []any{"tools:delete", "tools:use"},
				"bearer_methods_supported": []any{"header"}, "resource_name": "Wallet tools",
				"dpop_signing_alg_values_supported": []any{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"},
			}, document)
		}
	}
}
