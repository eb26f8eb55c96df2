package document

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse/authz/client"
	"gatehouse/keys/strictjson"
	"gatehouse/registry"
)

// The ways in which a client of a document can prove itself: there is no secret that it could share.
const (
	methodNone = "none"
	methodKeys = "private_key_jwt"
)

// Document is a client as its metadata document describes it. It is not changed once it was made.
type Document struct {
	// Client is what is usually read from the registry. It has no secret, and is public unless it has keys (private_key_jwt). It acts for users only,
	// whatever the document says: nobody here has let it in.
	Client registry.Client
	// DPoP says that the client's tokens are to be bound to its key (dpop_bound_access_tokens, RFC 9449 section 5.2).
	DPoP bool
	// Host is where the document is, to be shown to users.
	Host string
	// Fingerprint changes with whatever a user's consent rests on: name, links, redirect URIs, scopes, grants and the way in which
	// the client proves itself. Keys are not a part of it: clients rotate them.
	Fingerprint string
}

// parse reads a document that was found at a URL. Unknown members, scopes and grant types are passed over: documents are written
// for many servers. scopes are those of the routes. The error wraps ErrInvalid.
func parse(text []byte, at *url.URL, scopes map[string]string) (*Document, error) {
	o, err := strictjson.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	d, err := read(o, at, scopes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return d, nil
}

func read(o strictjson.Object, at *url.URL, scopes map[string]string) (*Document, error) {
	if id, err := o.Text("client_id"); err != nil || id != at.String() {
		return nil, errors.New("its client_id is not its URL")
	}
	if o.Has("client_secret") || o.Has("client_secret_expires_at") {
		return nil, errors.New("it has a secret that everybody can read")
	}
	d := &Document{Host: at.Host}
	settings, err := readSettings(o, at, scopes)
	if err != nil {
		return nil, err
	}
	if err := d.readAuthentication(o, &settings); err != nil {
		return nil, err
	}
	if err := settings.Check(scopes); err != nil {
		return nil, err
	}
	d.Client, _, err = settings.New()
	if err != nil {
		return nil, err
	}
	d.Client.DPoPBound = d.DPoP
	if d.Client.PushedOnly, err = o.Flag("require_pushed_authorization_requests"); err != nil {
		return nil, err
	}
	d.Fingerprint = client.FingerprintOf(d.Client, methodOf(d.Client), d.Client.KeysURL)
	return d, nil
}

func methodOf(c registry.Client) string {
	if c.HasKeys() {
		return methodKeys
	}
	return methodNone
}

// readAuthentication reads how the client proves who it is.
func (d *Document) readAuthentication(o strictjson.Object, settings *client.Settings) (err error) {
	if d.DPoP, err = o.Flag("dpop_bound_access_tokens"); err != nil {
		return err
	}
	switch method, err := o.Text("token_endpoint_auth_method"); {
	case err != nil:
		return err
	case method == methodNone, method == "": // where the default of RFC 7591 is a secret, which there cannot be
		return nil
	case method != methodKeys:
		return errors.New("its token_endpoint_auth_method is neither none nor private_key_jwt")
	}
	settings.Public = false
	keys, err := o.Object("jwks")
	if err != nil {
		return err
	}
	if settings.KeysURL, err = o.Text("jwks_uri"); err != nil {
		return err
	}
	if settings.SigningAlg, err = o.Text("token_endpoint_auth_signing_alg"); err != nil {
		return err
	}
	switch isElsewhere := settings.KeysURL != ""; {
	case (keys != nil) == isElsewhere:
		return errors.New("it has not either jwks or jwks_uri")
	case !isElsewhere:
		settings.Keys = string(o["jwks"])
	}
	return nil
}

// readSettings makes of a document what an operator would register.
func readSettings(o strictjson.Object, at *url.URL, scopes map[string]string) (client.Settings, error) {
	s := client.Settings{ID: at.String(), Public: true, GrantTypes: []string{client.AuthorizationCode}}
	r := strictjson.Members{Object: o}
	if s.Name = r.Text("client_name"); s.Name == "" {
		s.Name = at.Hostname()
	}
	s.URL = link(r.Text("client_uri"), at.Host)
	s.ImageURL = link(r.Text("logo_uri"), "")
	offered, grants, responses, scope := r.Texts("redirect_uris"), r.Texts("grant_types"), r.Texts("response_types"), r.Text("scope")
	if r.Err != nil {
		return s, r.Err
	}
	var refused error
	for _, uri := range offered {
		if err := client.CheckRedirectURI(uri); err != nil {
			refused = err
			continue
		}
		s.RedirectURIs = append(s.RedirectURIs, uri)
	}
	if len(s.RedirectURIs) == 0 {
		return s, errors.Join(errors.New("it has no redirect URI that can be used"), refused)
	}
	if len(responses) > 0 && !slices.Contains(responses, "code") {
		return s, errors.New("its response_types lack code")
	}
	if len(grants) > 0 && !slices.Contains(grants, client.AuthorizationCode) {
		return s, errors.New("its grant_types lack authorization_code")
	}
	if slices.Contains(grants, client.RefreshToken) {
		s.GrantTypes = append(s.GrantTypes, client.RefreshToken)
	}
	for name := range strings.FieldsSeq(scope) {
		if _, known := scopes[name]; known && !slices.Contains(s.Scopes, name) {
			s.Scopes = append(s.Scopes, name)
		}
	}
	if scope != "" && len(s.Scopes) == 0 { // no scope would mean every one
		return s, errors.New("it asks for none of the scopes that there are")
	}
	return s, nil
}

// link is a URL to be shown, or "" where it is not https, or not of the host that it has to be of.
func link(raw, host string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || client.CheckLink(raw) != nil || host != "" && u.Host != host {
		return ""
	}
	return raw
}
