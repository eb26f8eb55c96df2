package authz

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"

	"github.com/ory/fosite"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

// refreshGrant is the refresh token grant (RFC 6749 section 6) with rotation and reuse detection (RFC 9700 section
// 4.14.2).
type refreshGrant struct{ *issuer }

var _ fosite.TokenEndpointHandler = (*refreshGrant)(nil)

func (g *refreshGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

func (g *refreshGrant) CanHandleTokenEndpointRequest(_ context.Context, request fosite.AccessRequester) bool {
	return request.GetGrantTypes().ExactOne(client.RefreshToken)
}

// HandleTokenEndpointRequest checks everything that does not spend the refresh token, first of all that it is the
// client's own: someone else's changes nothing.
func (g *refreshGrant) HandleTokenEndpointRequest(ctx context.Context, request fosite.AccessRequester) error {
	if !g.CanHandleTokenEndpointRequest(ctx, request) {
		return fosite.ErrUnknownRequest
	}
	if err := requireGrantType(request, client.RefreshToken); err != nil {
		return err
	}
	presented := request.GetRequestForm().Get("refresh_token")
	if presented == "" {
		return fosite.ErrInvalidRequest.WithHint("Parameter 'refresh_token' is missing.")
	}
	token, grant, err := g.registry.RefreshToken(ctx, text.HashToken(presented))
	if errors.Is(err, registry.ErrNotFound) {
		return errWrongRefreshToken
	}
	if err != nil {
		return err
	}
	if grant.ClientID != request.GetClient().GetID() {
		return errWrongRefreshToken
	}
	narrowed, err := narrow(grant.Scopes, request.GetRequestedScopes())
	if err != nil {
		return err
	}
	audience, err := g.resources.audience(grant, request.GetRequestForm())
	if err != nil {
		return err
	}
	if err := g.requireStanding(ctx, grant); err != nil {
		return err
	}
	underGrant(request, grant, narrowed, audience)
	sessionOf(request).presented, sessionOf(request).presentedBoundTo = presented, token.BoundTo
	g.prepare(sessionOf(request), grant.AccessLifespan)
	return nil
}

// PopulateTokenEndpointResponse rotates the refresh token. Callers that use the same one again within its grace, before
// anyone has used the successor, get the same successor, because it is a function of it, and the same access token, while it
// is fresh. Any other second use ends the grant.
func (g *refreshGrant) PopulateTokenEndpointResponse(ctx context.Context, request fosite.AccessRequester, response fosite.AccessResponder) error {
	if !g.CanHandleTokenEndpointRequest(ctx, request) {
		return fosite.ErrUnknownRequest
	}
	s := sessionOf(request)
	if err := g.mint(ctx, request, response); err != nil {
		return err
	}
	answer, err := g.answerTo(request, response)
	if err != nil {
		return err
	}
	successor := g.successor(s.presented)
	var replay registry.Replay
	err = g.turns.take(ctx, s.subject, func() (err error) {
		replay, err = g.registry.RotateRefresh(ctx, text.HashToken(s.presented), registry.Rotation{
			Next: registry.RefreshToken{
				Hash:      text.HashToken(successor),
				GrantID:   s.grant.ID,
				BoundTo:   keyOfRefreshToken(request),
				ExpiresAt: g.now().Add(g.refreshLifespan),
			},
			Answer: answer,
			Grace:  registry.Grace{Lasts: g.refreshGrace, Late: quickReplay, Replays: maxReplays},
		})
		return err
	})
	if err := g.concludeExchange(ctx, s.grant, err); err != nil {
		return err
	}
	if replay.Count > 0 {
		g.noteReplay(ctx, s, replay)
	}
	if replay.Sealed != "" {
		if err := g.answerAgain(request, response, replay.Sealed); err != nil {
			return err
		}
	}
	response.SetExtra("refresh_token", successor)
	return nil
}

var errWrongRefreshToken = fosite.ErrInvalidGrant.WithHint("The refresh token is unknown, expired or was used before.")

// keyOfRefreshToken is the key that the next refresh token is bound to, by its thumbprint. That of a client with a secret is good
// only beside that, and is bound to none, so that the client can change its key (RFC 9449 section 5).
func keyOfRefreshToken(request fosite.AccessRequester) string {
	if !request.GetClient().IsPublic() {
		return ""
	}
	return sessionOf(request).boundTo
}

// successor derives the next refresh token from the present one: it can be told again to a client that did not get the
// answer, and yet is stored nowhere. Without the server's secret nobody can compute it.
func (i *issuer) successor(token string) string {
	mac := hmac.New(sha256.New, i.refreshSecret)
	mac.Write([]byte(token))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// narrow are the scopes of the access token: those of the grant, or the ones among them that the client asks for. The
// grant keeps all of its own.
func narrow(granted, requested []string) ([]string, error) {
	if len(requested) == 0 {
		return granted, nil
	}
	for _, name := range requested {
		if !slices.Contains(granted, name) {
			return nil, fosite.ErrInvalidScope.WithHintf("Scope '%s' was not granted.", name)
		}
	}
	return requested, nil
}
