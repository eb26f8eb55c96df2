package authz

import (
	"context"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/authz/client"
)

// clientGrant is the client credentials grant (RFC 6749 section 4.4): a token for the client itself, without a user,
// without a grant and without a refresh token.
type clientGrant struct{ *issuer }

var _ fosite.TokenEndpointHandler = (*clientGrant)(nil)

func (g *clientGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

func (g *clientGrant) CanHandleTokenEndpointRequest(_ context.Context, request fosite.AccessRequester) bool {
	return request.GetGrantTypes().ExactOne(client.ClientCredentials)
}

// HandleTokenEndpointRequest checks that the client may have such a token and says what will be in it.
func (g *clientGrant) HandleTokenEndpointRequest(ctx context.Context, request fosite.AccessRequester) error {
	if !g.CanHandleTokenEndpointRequest(ctx, request) {
		return fosite.ErrUnknownRequest
	}
	c := request.GetClient()
	if c.IsPublic() {
		return fosite.ErrUnauthorizedClient.WithHint("A public client cannot prove who it is.")
	}
	if !strings.ContainsFunc(c.GetID(), isLetter) {
		// Upstreams would take the subject of its token for a user (RFC 9068 section 5).
		return fosite.ErrUnauthorizedClient.WithHint("The client's id could be mistaken for a user's.")
	}
	if err := requireGrantType(request, client.ClientCredentials); err != nil {
		return err
	}
	if known, ok := c.(*fositeClient); ok && len(request.GetRequestedScopes()) == 0 {
		request.SetRequestedScopes(known.defaultScopes)
	}
	if err := requireScopes(request); err != nil {
		return err
	}
	for _, name := range request.GetRequestedScopes() {
		request.GrantScope(name)
	}
	s := sessionOf(request)
	s.subject, s.clientID = c.GetID(), c.GetID()
	var err error
	if s.audience, err = g.resources.audienceOfClient(request.GetRequestForm()); err != nil {
		return err
	}
	g.prepare(s, 0)
	return nil
}

// PopulateTokenEndpointResponse answers with the token.
func (g *clientGrant) PopulateTokenEndpointResponse(ctx context.Context, request fosite.AccessRequester, response fosite.AccessResponder) error {
	if !g.CanHandleTokenEndpointRequest(ctx, request) {
		return fosite.ErrUnknownRequest
	}
	return g.mint(ctx, request, response)
}

func isLetter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }
