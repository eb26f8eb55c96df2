package registration

import (
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/keys/strictjson"
	"gatehouse/registry"
)

const (
	// maxBody is more than any client says about itself.
	maxBody      = 16 << 10
	maxRedirects = 20
	maxContacts  = 10
	// maxText is how many bytes a contact, or what names the software, may have.
	maxText = 254

	responseCode = "code"
)

// The ways in which a client can prove itself that has registered itself. Each is one that the token endpoint knows.
const (
	methodNone  = "none"
	methodBasic = "client_secret_basic"
	methodPost  = "client_secret_post"
	methodKeys  = "private_key_jwt"
)

// methods are those that there are here.
func (h *Handler) methods() []string {
	all := []string{methodNone, methodBasic, methodPost}
	if h.TakesKeys {
		all = append(all, methodKeys)
	}
	return all
}

// The errors of RFC 7591 section 3.2.2.
var (
	errMetadata = &fosite.RFC6749Error{
		ErrorField: "invalid_client_metadata", DescriptionField: "What the client says about itself is not accepted.",
		CodeField: http.StatusBadRequest,
	}
	errRedirectURI = &fosite.RFC6749Error{
		ErrorField: "invalid_redirect_uri", DescriptionField: "A redirect URI is not accepted.",
		CodeField: http.StatusBadRequest,
	}
	errStatement = &fosite.RFC6749Error{
		ErrorField: "unapproved_software_statement", DescriptionField: "Nobody's software statements are accepted here.",
		CodeField: http.StatusBadRequest,
	}
)

type object = strictjson.Object

// readObject reads what a client says about itself.
func readObject(w http.ResponseWriter, r *http.Request) (object, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errMetadata.WithHint("The body must be application/json.")
	}
	raw, err := endpoint.ReadJSONBody(w, r)
	switch {
	case err != nil:
		return nil, err
	case len(raw) > maxBody:
		return nil, endpoint.ErrTooLarge
	}
	said, err := strictjson.Parse(raw)
	if err != nil {
		return nil, errMetadata.WithHintf("The body is not accepted: %s.", err)
	}
	return said, nil
}

// about is what is registered of a client beside its settings. Users are shown nothing of it.
type about struct {
	Method          string   `json:"token_endpoint_auth_method"`
	Contacts        []string `json:"contacts,omitempty"`
	TermsURI        string   `json:"tos_uri,omitempty"`
	PolicyURI       string   `json:"policy_uri,omitempty"`
	SoftwareID      string   `json:"software_id,omitempty"`
	SoftwareVersion string   `json:"software_version,omitempty"`
}

func (a about) stored() string {
	stored, _ := json.Marshal(a) // texts never fail
	return string(stored)
}

func aboutOf(stored string) (a about, err error) {
	err = json.Unmarshal([]byte(stored), &a)
	return a, err
}

// fingerprintOf does not tell apart where a secret is sent, nor keys of the same place, which nobody's consent rests on.
func (a about) fingerprintOf(c registry.Client) string {
	switch {
	case c.Public:
		return client.FingerprintOf(c, methodNone)
	case c.HasKeys():
		return client.FingerprintOf(c, methodKeys, c.KeysURL)
	}
	return client.FingerprintOf(c, methodBasic)
}

// read makes of what a client says about itself what an operator would register. Members and grant types that are not known are
// passed over, and so are scopes that it cannot have and links that cannot be believed (RFC 7591 section 2): the answer says what is
// registered.
func (h *Handler) read(said object, id string) (client.Settings, about, error) {
	if said.Has("software_statement") {
		return client.Settings{}, about{}, errStatement
	}
	m := strictjson.Members{Object: said}
	s := client.Settings{
		ID: id, Name: m.Text("client_name"), RedirectURIs: m.Texts("redirect_uris"),
		DPoPBound: m.Flag("dpop_bound_access_tokens"), PushedOnly: m.Flag("require_pushed_authorization_requests"),
	}
	a := about{
		Method:   m.Text("token_endpoint_auth_method"),
		Contacts: m.Texts("contacts"), SoftwareID: m.Text("software_id"), SoftwareVersion: m.Text("software_version"),
		TermsURI: link(m.Text("tos_uri")), PolicyURI: link(m.Text("policy_uri")),
	}
	site, scope, grants, responses := link(m.Text("client_uri")), m.Text("scope"), m.Texts("grant_types"), m.Texts("response_types")
	keys := keysIn(&m)
	switch {
	case m.Err != nil:
		return s, a, errMetadata.WithHint(endpoint.AsSentence(strings.ReplaceAll(m.Err.Error(), "\n", "; ")))
	case keys.set != "" && keys.url != "":
		return s, a, errMetadata.WithHint("There are both jwks and jwks_uri.")
	case s.DPoPBound && !h.TakesProofs:
		return s, a, errMetadata.WithHint("The dpop_bound_access_tokens cannot be: tokens are not bound to keys here.")
	}
	if err := checkRedirectURIs(s.RedirectURIs); err != nil {
		return s, a, err
	}
	if err := a.check(h.methods()); err != nil {
		return s, a, err
	}
	if a.Method == methodKeys {
		if err := h.checkKeys(keys); err != nil {
			return s, a, err
		}
		s.Keys, s.KeysURL, s.SigningAlg = keys.set, keys.url, keys.algorithm
	}
	var err error
	if s.GrantTypes, err = grantTypes(grants, responses); err != nil {
		return s, a, err
	}
	if s.Scopes, err = h.scopesOf(scope); err != nil {
		return s, a, err
	}
	if s.Name == "" {
		s.Name = id
	}
	s.URL, s.Public = siteOf(site, s.RedirectURIs), a.Method == methodNone
	if err := s.Check(h.Scopes); err != nil {
		return s, a, errMetadata.WithHint(endpoint.AsSentence(err.Error()))
	}
	return s, a, nil
}

func checkRedirectURIs(uris []string) error {
	if len(uris) == 0 || len(uris) > maxRedirects {
		return errRedirectURI.WithHintf("There must be 1 to %d redirect_uris.", maxRedirects)
	}
	for _, uri := range uris {
		if err := client.CheckRedirectURI(uri); err != nil {
			return errRedirectURI.WithHintf("The redirect URI '%s' is not accepted: %s.", uri, err)
		}
	}
	return nil
}

// check holds what is registered beside the settings to what can be stored and shown to an operator. Without a method, a client has a
// secret (RFC 7591 section 2).
func (a *about) check(methods []string) error {
	if a.Method == "" {
		a.Method = methodBasic
	}
	if !slices.Contains(methods, a.Method) {
		return errMetadata.WithHintf("The token_endpoint_auth_method must be one of %s.", strings.Join(methods, ", "))
	}
	if len(a.Contacts) > maxContacts {
		return errMetadata.WithHintf("There can be at most %d contacts.", maxContacts)
	}
	for _, text := range append([]string{a.SoftwareID, a.SoftwareVersion}, a.Contacts...) {
		if len(text) > maxText || client.Visible(text) != text {
			return errMetadata.WithHintf("The contacts, software_id and software_version must be visible text of at most %d bytes each.", maxText)
		}
	}
	return nil
}

// grantTypes are those that a client gets which nobody here has let in: it acts for users only.
func grantTypes(asked, responses []string) ([]string, error) {
	if len(responses) > 0 && !slices.Contains(responses, responseCode) {
		return nil, errMetadata.WithHint("The response_types lack code.")
	}
	if len(asked) > 0 && !slices.Contains(asked, client.AuthorizationCode) {
		return nil, errMetadata.WithHint("The grant_types lack authorization_code.")
	}
	if slices.Contains(asked, client.RefreshToken) {
		return []string{client.AuthorizationCode, client.RefreshToken}, nil
	}
	return []string{client.AuthorizationCode}, nil
}

// scopesOf are those that a client can have of what it asks for; none: every one that there is.
func (h *Handler) scopesOf(asked string) (names []string, err error) {
	for name := range strings.FieldsSeq(asked) {
		if _, known := h.Scopes[name]; known && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch {
	case len(names) > 0:
		return names, nil
	case strings.TrimSpace(asked) != "":
		return nil, errMetadata.WithHint("The scope has none that such a client can have.")
	case h.AllScopes:
		return nil, nil
	}
	return slices.Sorted(maps.Keys(h.Scopes)), nil
}
