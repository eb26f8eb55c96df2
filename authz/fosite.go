package authz

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/token/jwt"

	"gatehouse/authz/client"
	"gatehouse/authz/keyring"
	"gatehouse/keys"
	"gatehouse/registry"
)

// Everything that fosite asks of us, and everything that it gets to see, is in this file.
//
// Fosite decides: that an authorization request has a known response type and response mode, scopes of the client's, no
// request object and no registration; that a token request has a client that our authentication accepts, and a handler for
// its grant type, which it calls; what is in the claims and the header of an access token, which it has our key sign; and
// the names of OAuth's errors.
//
// Fosite does not decide: where a client's codes may be sent (authz/client); what state is, which is the client's and
// returned as it came; who the user is; PKCE, redemption, rotation and reuse, which are our own handlers over one
// transaction each (grant_code.go, grant_refresh.go); when a token is revoked; and what a caller sees of an error
// (internal/endpoint). It stores nothing.

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
	return &fositeClient{Client: c, scopes: s.scopes.of(c), defaultScopes: s.scopes.defaultOf(c)}, nil
}

// fositeState is what fosite sees instead of the client's state. It refuses a request whose state is missing or short, and
// clients of oauth2server send none. The client's own is returned as it came, whatever it is (authorization.form).
const fositeState = "the state is the client's"

// authorizeRequest has fosite check an authorization request. The client and its redirect URI were checked already.
func (s *Server) authorizeRequest(ctx context.Context, r *http.Request, a *authorization) (fosite.AuthorizeRequester, error) {
	form := maps.Clone(a.form)
	form["state"] = []string{fositeState}
	form["redirect_uri"] = []string{a.sentTo}
	checked := &fositeClient{Client: a.client, scopes: s.scopes.of(a.client), redirectURI: a.sentTo}
	return s.provider.NewAuthorizeRequest(context.WithValue(ctx, checkedClientKey{}, checked), requestForFosite(r, form))
}

// requestForFosite holds what fosite may see of a request: the parameters that were already checked, the Authorization header, and where
// it comes from.
func requestForFosite(r *http.Request, form url.Values) *http.Request {
	header := http.Header{}
	if sent := r.Header.Values("Authorization"); len(sent) > 0 {
		header["Authorization"] = sent
	}
	shown := &http.Request{
		Method: r.Method, URL: &url.URL{Path: r.URL.Path}, Header: header, Form: form, PostForm: form, RemoteAddr: r.RemoteAddr,
	}
	return shown.WithContext(r.Context())
}

// fositeClient is a registered client as fosite sees it.
type fositeClient struct {
	registry.Client
	scopes []string
	// defaultScopes are what a token request of the client's own is for when it names none.
	defaultScopes []string
	// redirectURI is the one that this request may be answered at. It was checked by our rule, and being the only one leaves
	// nothing for fosite's own rule to allow.
	redirectURI string
}

var (
	_ fosite.Client             = (*fositeClient)(nil)
	_ fosite.ResponseModeClient = (*fositeClient)(nil)
)

func (c *fositeClient) GetID() string                      { return c.ID }
func (c *fositeClient) GetHashedSecret() []byte            { return nil } // never compared by fosite
func (c *fositeClient) GetRedirectURIs() []string          { return []string{c.redirectURI} }
func (c *fositeClient) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code"} }
func (c *fositeClient) GetScopes() fosite.Arguments        { return c.scopes }
func (c *fositeClient) IsPublic() bool                     { return c.Public }
func (c *fositeClient) GetAudience() fosite.Arguments      { return nil }
func (c *fositeClient) GetGrantTypes() fosite.Arguments    { return client.GrantTypesOf(c.Client) }
func (c *fositeClient) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery}
}

// clientStore is the part of fosite's storage that is used: it hands out the client that the authorization request was
// already checked against.
type clientStore struct{}

var _ fosite.Storage = clientStore{}

type checkedClientKey struct{}

func (clientStore) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	if c, ok := ctx.Value(checkedClientKey{}).(*fositeClient); ok && c.ID == id {
		return c, nil
	}
	return nil, fosite.ErrNotFound
}

// ClientAssertionJWTValid refuses: fosite does not look at assertions here (authenticateClient).
func (clientStore) ClientAssertionJWTValid(context.Context, string) error { return fosite.ErrJTIKnown }

// SetClientAssertionJWT refuses, likewise.
func (clientStore) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrJTIKnown
}

// session says what an access token is about. It lives as long as one request and is never stored.
type session struct {
	subject   string
	clientID  string
	issuedAt  time.Time
	expiresAt time.Time
	audience  []string
	// grant is what the token is minted under; without ID for client_credentials.
	grant registry.Grant
	// presented is the code or refresh token that the client exchanges.
	presented string
	// presentedBoundTo is the thumbprint of the key that it is bound to, boundTo of the one that the tokens will be bound to; empty:
	// none.
	presentedBoundTo, boundTo string
	// replayed says that it was a refresh token that had been used before.
	replayed bool
}

var _ oauth2.JWTSessionContainer = (*session)(nil)

// GetJWTClaims returns claims with a jti of their own each time, so that no two tokens share one.
func (s *session) GetJWTClaims() jwt.JWTClaimsContainer {
	extra := map[string]any{"client_id": s.clientID}
	if s.grant.ID != "" {
		extra["grant_id"] = s.grant.ID
	}
	if s.boundTo != "" {
		extra["cnf"] = map[string]any{"jkt": s.boundTo}
	}
	return &jwt.JWTClaims{Subject: s.subject, JTI: rand.Text(), IssuedAt: s.issuedAt, Extra: extra}
}

func (s *session) GetJWTHeader() *jwt.Headers {
	return &jwt.Headers{Extra: map[string]any{"typ": keys.TypeAccessToken}}
}

func (s *session) SetExpiresAt(kind fosite.TokenType, at time.Time) {
	if kind == fosite.AccessToken {
		s.expiresAt = at
	}
}

func (s *session) GetExpiresAt(kind fosite.TokenType) time.Time {
	if kind == fosite.AccessToken {
		return s.expiresAt
	}
	return time.Time{}
}

// acceptedUntil is when the last gateway refuses the token by itself: its clock may be behind ours.
func (s *session) acceptedUntil() time.Time { return s.expiresAt.Add(keyring.ClockSkew) }

func (s *session) GetUsername() string { return "" }
func (s *session) GetSubject() string  { return s.subject }

func (s *session) Clone() fosite.Session {
	clone := *s
	return &clone
}

// signer lets fosite sign with whatever key the ring signs with now.
type signer struct {
	ring *keys.Ring
}

var _ jwt.Signer = signer{}

var errSignerOnlySigns = errors.New("access tokens are verified by keys.Verifier, not by fosite")

func (s signer) Generate(_ context.Context, claims jwt.MapClaims, header jwt.Mapper) (token, signature string, err error) {
	typ, _ := header.ToMap()["typ"].(string)
	token, err = s.ring.Signing().Sign(typ, claims)
	return token, "", err
}

func (signer) Validate(context.Context, string) (string, error)     { return "", errSignerOnlySigns }
func (signer) Hash(context.Context, []byte) ([]byte, error)         { return nil, errSignerOnlySigns }
func (signer) Decode(context.Context, string) (*jwt.Token, error)   { return nil, errSignerOnlySigns }
func (signer) GetSignature(context.Context, string) (string, error) { return "", errSignerOnlySigns }
func (signer) GetSigningMethodLength(context.Context) int           { return 0 }

// sessionOf is the session that handleToken gave the request.
func sessionOf(request fosite.Requester) *session {
	return request.GetSession().(*session)
}
