package resource

import (
	"strings"

	"gatehouse/keys/dpop"
)

// WellKnown is where documents are, before the path of the resource (RFC 9728 section 3.1).
const WellKnown = "/.well-known/oauth-protected-resource"

// Document is the metadata of a protected resource (RFC 9728 section 2).
type Document struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	ProofAlgorithms      []string `json:"dpop_signing_alg_values_supported"`
	BoundOnly            bool     `json:"dpop_bound_access_tokens_required,omitempty"`
	Name                 string   `json:"resource_name,omitempty"`
}

// IsDocument reports whether a request target is the place of a document, whether or not there is one.
func IsDocument(target []byte) bool {
	path, _, _ := strings.Cut(string(target), "?")
	_, below := cutBase(path, WellKnown)
	return below
}

// Document is what is published at a path below WellKnown, as a request to host spells it. Its resource is the URL into which the
// client has put WellKnown (RFC 9728 section 3.3): that of a resource, or of a route. False where there is none. Several resources
// may differ in nothing but their host; then host says which is meant.
func (s *Set) Document(host, path string) (Document, bool) {
	rest, below := cutBase(path, WellKnown)
	if rest == "/" { // what a client has that did not leave out the slash after the host
		rest = ""
	}
	if canonical, err := canonicalPath(rest); !below || err != nil || canonical != rest {
		return Document{}, false
	}
	var candidates []*member
	for _, m := range s.all {
		if m.at.path == rest {
			candidates = append(candidates, m)
		}
	}
	if len(candidates) == 1 {
		return s.describe(candidates[0], candidates[0].URL, candidates[0].access), true
	}
	for _, m := range candidates {
		scheme, own, _ := strings.Cut(m.at.origin, "://")
		if canonicalHost(scheme, host) == own {
			return s.describe(m, m.URL, m.access), true
		}
	}
	if len(candidates) > 0 {
		return Document{}, false
	}
	if rest == "" { // a proxy in front may take away the issuer's path
		return s.describe(s.issuer, s.issuer.URL, s.issuer.access), true
	}
	owner, needed := s.ownerAt(rest)
	if owner == nil {
		return Document{}, false
	}
	return s.describe(owner, owner.root+rest, needed), true
}

func (s *Set) describe(m *member, url string, needed access) Document {
	return Document{
		Resource: url, AuthorizationServers: []string{s.issuer.URL}, Scopes: needed.scopes,
		BearerMethods: []string{"header"}, ProofAlgorithms: dpop.Algorithms(), BoundOnly: needed.isBoundOnly(), Name: m.Name,
	}
}
