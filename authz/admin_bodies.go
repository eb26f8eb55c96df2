package authz

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/registry"
)

const (
	maxClientName = 200
	maxListed     = 100
)

// createBody is what a client is registered with. The predecessor's fields are name, url, domain, imageUrl and public.
type createBody struct {
	Name         string   `json:"name"`
	URL          string   `json:"url"`    // landing page
	Domain       string   `json:"domain"` // callback
	ImageURL     string   `json:"imageUrl"`
	Public       bool     `json:"public"`
	RedirectURIs []string `json:"redirectUris"`
	Scopes       []string `json:"scopes"`
	GrantTypes   []string `json:"grantTypes"`
	// UserID was accepted by the predecessor, without effect, and is accepted still.
	UserID json.RawMessage `json:"userId"`
}

func (b createBody) client() registry.Client {
	return registry.Client{
		Name:         b.Name,
		URL:          b.URL,
		ImageURL:     b.ImageURL,
		Domain:       b.Domain,
		RedirectURIs: b.RedirectURIs,
		Scopes:       b.Scopes,
		GrantTypes:   b.GrantTypes,
		Public:       b.Public,
	}
}

// check reports every problem at once.
func (b createBody) check(known scopes) error {
	var p problems
	if b.Name == "" {
		p.add("name is required")
	}
	p.addText("name", b.Name)
	p.addWebURL("url", b.URL)
	p.addWebURL("imageUrl", b.ImageURL)
	if b.Domain != "" {
		if _, err := parseDomain(b.Domain); err != nil {
			p.add("domain: %w", err)
		}
	}
	for _, uri := range b.RedirectURIs {
		if err := checkRedirectURI(uri); err != nil {
			p.add("redirectUris: %q: %w", uri, err)
		}
	}
	for _, name := range b.Scopes {
		if !known.known(name) {
			p.add("scopes: no route has the scope %q", name)
		}
	}
	for _, name := range b.GrantTypes {
		if !slices.Contains(grantTypes, name) {
			p.add("grantTypes: %q is not one of %q", name, grantTypes)
		}
	}
	if max(len(b.RedirectURIs), len(b.Scopes), len(b.GrantTypes)) > maxListed {
		p.add("redirectUris, scopes and grantTypes hold at most %d entries each", maxListed)
	}
	if b.Public && slices.Contains(b.GrantTypes, grantClient) {
		p.add("grantTypes: a public client cannot use %s", grantClient)
	}
	if b.Domain == "" && len(b.RedirectURIs) == 0 && b.actsForUsers() {
		p.add("domain or redirectUris is required")
	}
	return p.err()
}

func (b createBody) actsForUsers() bool {
	return slices.Contains(grantTypesOf(b.client()), grantCode)
}

// updateBody changes what is shown of a client. A field that is empty or missing stays as it is.
type updateBody struct {
	Name     string          `json:"name"`
	URL      string          `json:"url"`
	ImageURL string          `json:"imageUrl"`
	UserID   json.RawMessage `json:"userId"`
}

func (b updateBody) check() error {
	var p problems
	p.addText("name", b.Name)
	p.addWebURL("url", b.URL)
	p.addWebURL("imageUrl", b.ImageURL)
	return p.err()
}

func (b updateBody) apply(c *registry.Client) {
	for field, value := range map[*string]string{&c.Name: b.Name, &c.URL: b.URL, &c.ImageURL: b.ImageURL} {
		if value != "" {
			*field = value
		}
	}
}

var errPublicSecret = fosite.ErrInvalidRequest.WithHint("A public client has no secret.")

// problems collects what is wrong with a body.
type problems []error

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Errorf(format, args...))
}

func (p *problems) addText(field, value string) {
	switch {
	case !isText(value):
		p.add("%s is not text", field)
	case len(value) > maxClientName:
		p.add("%s is longer than %d bytes", field, maxClientName)
	}
}

func (p *problems) addWebURL(field, value string) {
	if value == "" {
		return
	}
	link, _, _ := strings.Cut(value, "#") // a link may point into a page
	u, err := parsePlainURL(link)
	if err != nil {
		p.add("%s: %w", field, err)
	} else if (u.Scheme != "https" && u.Scheme != "http") || !isHost(u.Hostname()) {
		p.add("%s: it must begin with https:// or http:// and a host", field)
	}
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	text := ""
	for i, problem := range p {
		if i > 0 {
			text += "; "
		}
		text += problem.Error()
	}
	return fosite.ErrInvalidRequest.WithHint(text).WithWrap(errors.Join(p...))
}
