package authz

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/token/jwt"

	"gatehouse/registry"
)

// The grant types that a client can be registered for.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantClient  = "client_credentials"
)

var grantTypes = []string{grantCode, grantRefresh, grantClient}

// fositeConfig is fosite with our client authentication and with the three grants that exist here, nothing else.
func (s *Server) fositeConfig() *fosite.Config {
	code := &codeGrant{s.issuer}
	return &fosite.Config{
		AccessTokenIssuer:            s.issuer.name,
		JWTScopeClaimKey:             jwt.JWTScopeFieldString,
		ScopeStrategy:                fosite.ExactScopeStrategy,
		AudienceMatchingStrategy:     fosite.ExactAudienceMatchingStrategy,
		ClientAuthenticationStrategy: s.authenticateForFosite,
		AuthorizeEndpointHandlers:    fosite.AuthorizeEndpointHandlers{code},
		TokenEndpointHandlers:        fosite.TokenEndpointHandlers{code, &refreshGrant{s.issuer}, &clientGrant{s.issuer}},
	}
}

func (s *Server) authenticateForFosite(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	c, err := s.authenticateClient(ctx, r, form)
	if err != nil {
		return nil, err
	}
	return &client{Client: c, scopes: s.scopes.of(c)}, nil
}

// requestForFosite holds what fosite may see of a request: the parameters that were already checked, and the
// Authorization header.
func requestForFosite(r *http.Request, form url.Values) *http.Request {
	header := http.Header{}
	if sent := r.Header.Values("Authorization"); len(sent) > 0 {
		header["Authorization"] = sent
	}
	return &http.Request{Method: r.Method, URL: &url.URL{Path: r.URL.Path}, Header: header, Form: form, PostForm: form}
}

// client is a registered client as fosite sees it.
type client struct {
	registry.Client
	scopes []string
	// redirectURI is the one that this request may be answered at; it has been checked by our rule, and being the only
	// one leaves nothing for fosite's own rule to allow.
	redirectURI string
}

var (
	_ fosite.Client             = (*client)(nil)
	_ fosite.ResponseModeClient = (*client)(nil)
)

func (c *client) GetID() string                      { return c.ID }
func (c *client) GetHashedSecret() []byte            { return nil } // never compared by fosite
func (c *client) GetRedirectURIs() []string          { return []string{c.redirectURI} }
func (c *client) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code"} }
func (c *client) GetScopes() fosite.Arguments        { return c.scopes }
func (c *client) IsPublic() bool                     { return c.Public }
func (c *client) GetAudience() fosite.Arguments      { return nil }
func (c *client) GetGrantTypes() fosite.Arguments    { return grantTypesOf(c.Client) }
func (c *client) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery}
}

// grantTypesOf are the grants that the client may use. One that was registered without any acts for users, which is
// what all clients of the predecessor did.
func grantTypesOf(c registry.Client) []string {
	if len(c.GrantTypes) == 0 {
		return []string{grantCode, grantRefresh}
	}
	return c.GrantTypes
}

// clientStore is the part of fosite's storage that is used: it hands out the client that the authorization request was
// already checked against.
type clientStore struct{}

var _ fosite.Storage = clientStore{}

type checkedClientKey struct{}

func withCheckedClient(ctx context.Context, c *client) context.Context {
	return context.WithValue(ctx, checkedClientKey{}, c)
}

func (clientStore) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	if c, ok := ctx.Value(checkedClientKey{}).(*client); ok && c.ID == id {
		return c, nil
	}
	return nil, fosite.ErrNotFound
}

// ClientAssertionJWTValid refuses: clients do not authenticate with assertions here.
func (clientStore) ClientAssertionJWTValid(context.Context, string) error { return fosite.ErrJTIKnown }

// SetClientAssertionJWT refuses: clients do not authenticate with assertions here.
func (clientStore) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrJTIKnown
}
