package authz

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/client/assertion"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
)

// defaultWellKnownMaxAge is how long anyone may keep a published document unless it is configured.
const defaultWellKnownMaxAge = 5 * time.Minute

// cacheFor is the Cache-Control of a document that anyone may keep that long.
func cacheFor(maxAge time.Duration) string {
	return fmt.Sprintf("public, max-age=%d", maxAge/time.Second)
}

// handleJWKS publishes the keys that verify access tokens (RFC 7517 section 5).
func (s *Server) handleJWKS(w http.ResponseWriter, r *http.Request) {
	document, etag := s.keys.JWKS()
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", s.cacheWellKnown)
	h.Set("ETag", etag)
	if matchesETag(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, json.RawMessage(document))
}

// matchesETag compares weakly, as If-None-Match does (RFC 9110 section 13.1.2).
func matchesETag(header, etag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
			return true
		}
	}
	return false
}

// metadata is the document of RFC 8414 section 2.
type metadata struct {
	Issuer                    string   `json:"issuer"`
	AuthorizationEndpoint     string   `json:"authorization_endpoint"`
	TokenEndpoint             string   `json:"token_endpoint"`
	PushedRequestEndpoint     string   `json:"pushed_authorization_request_endpoint"`
	RequirePushedRequests     bool     `json:"require_pushed_authorization_requests,omitempty"`
	JWKSURI                   string   `json:"jwks_uri"`
	RegistrationEndpoint      string   `json:"registration_endpoint,omitempty"`
	RevocationEndpoint        string   `json:"revocation_endpoint"`
	IntrospectionEndpoint     string   `json:"introspection_endpoint"`
	ScopesSupported           []string `json:"scopes_supported"`
	ResponseTypes             []string `json:"response_types_supported"`
	ResponseModes             []string `json:"response_modes_supported"`
	GrantTypes                []string `json:"grant_types_supported"`
	CodeChallengeMethods      []string `json:"code_challenge_methods_supported"`
	TokenAuthMethods          []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods     []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionAuthMethods  []string `json:"introspection_endpoint_auth_methods_supported"`
	TokenAssertions           []string `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationAssertions      []string `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
	IntrospectionAssertions   []string `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
	DetailsTypes              []string `json:"authorization_details_types_supported,omitempty"`
	ProofAlgorithms           []string `json:"dpop_signing_alg_values_supported,omitempty"`
	PromptValues              []string `json:"prompt_values_supported"`
	UILocales                 []string `json:"ui_locales_supported"`
	ProtectedResources        []string `json:"protected_resources,omitempty"`
	AuthorizationResponseIss  bool     `json:"authorization_response_iss_parameter_supported"`
	ClientDocuments           bool     `json:"client_id_metadata_document_supported,omitempty"`
	RequestParameterSupported bool     `json:"request_parameter_supported"`
	RequestURISupported       bool     `json:"request_uri_parameter_supported"`
}

func newMetadata(issuer string, scopes scopes, plainPKCE, spends bool) metadata {
	var detailsTypes []string
	if spends {
		detailsTypes = []string{budget.TypeSpend}
	}
	secret := []string{"client_secret_basic", "client_secret_post"}
	secretOrNone := append(secret[:len(secret):len(secret)], "none")
	return metadata{
		Issuer:                   issuer,
		AuthorizationEndpoint:    issuer + "/oauth/authorize",
		TokenEndpoint:            issuer + "/oauth/token",
		PushedRequestEndpoint:    issuer + "/oauth/par",
		JWKSURI:                  issuer + "/.well-known/jwks.json",
		RevocationEndpoint:       issuer + "/oauth/revoke",
		IntrospectionEndpoint:    issuer + "/oauth/introspect",
		ScopesSupported:          scopes.names,
		ResponseTypes:            []string{"code"},
		ResponseModes:            []string{"query"},
		GrantTypes:               client.GrantTypes(),
		CodeChallengeMethods:     challengeMethods(plainPKCE),
		TokenAuthMethods:         secretOrNone,
		RevocationAuthMethods:    secretOrNone,
		IntrospectionAuthMethods: secret,
		DetailsTypes:             detailsTypes,
		PromptValues:             []string{"none", "login", "consent", "select_account"},
		UILocales:                page.Languages(),
		AuthorizationResponseIss: true,
	}
}

// addAssertions says that clients may sign who they are, at each endpoint where they prove it.
func (m *metadata) addAssertions() {
	for _, methods := range []*[]string{&m.TokenAuthMethods, &m.RevocationAuthMethods, &m.IntrospectionAuthMethods} {
		*methods = append(slices.Clone(*methods), "private_key_jwt")
	}
	for _, algorithms := range []*[]string{&m.TokenAssertions, &m.RevocationAssertions, &m.IntrospectionAssertions} {
		*algorithms = assertion.Algorithms()
	}
}

// MetadataPaths are where the metadata of an issuer is served: RFC 8414's place, and that of OpenID Connect Discovery, which
// is the only one that many clients look at. For an issuer with a path, such as https://host.example/auth, RFC 8414 section
// 3.1 puts the path behind the name, and so the documents are also there; a proxy in front that serves only what is below
// /auth, and takes that away, makes them reachable in the older form.
func MetadataPaths(issuer string) []string {
	paths := []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}
	if base, err := url.Parse(issuer); err == nil && base.Path != "" {
		for _, path := range paths[:2] {
			paths = append(paths, path+base.EscapedPath())
		}
	}
	return paths
}

// handleMetadata tells clients what this server can do and where (RFC 8414).
func (s *Server) handleMetadata(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cache-Control", s.cacheWellKnown)
	endpoint.WriteJSON(w, http.StatusOK, s.metadata)
}

// handleScopes lists what a client can ask for: {name: description}.
func (s *Server) handleScopes(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	endpoint.WriteJSON(w, http.StatusOK, s.scopes.descriptions)
}
