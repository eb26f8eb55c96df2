package authz

import (
	"context"
	"log/slog"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"gatehouse/authz/outbox"
	"gatehouse/authz/user"
	"gatehouse/registry"
)

// issuer turns what a client may have into tokens. All grants share one.
type issuer struct {
	name string
	// resources are what its tokens can be for.
	resources resources
	registry  *registry.Registry
	relay     *outbox.Relay
	strategy  oauth2.AccessTokenStrategy
	standing  user.Standing // nil: nobody is asked

	codeLifespan      time.Duration
	accessLifespan    time.Duration
	maxAccessLifespan time.Duration
	refreshLifespan   time.Duration
	refreshGrace      time.Duration
	refreshSecret     []byte
	turns             turns
	maxGrants         int
	maxRevokedTokens  int
	keepUnused        time.Duration // a client that has registered itself, without a grant
	now               func() time.Time
	log               *slog.Logger
}

// prepare fixes when the access token begins and ends, in whole seconds as its claims are. lifespan 0 is the default; a
// maximum that was lowered since the grant was made holds for it too.
func (i *issuer) prepare(s *session, lifespan time.Duration) {
	if lifespan == 0 {
		lifespan = i.accessLifespan
	}
	s.issuedAt = i.now().UTC().Truncate(time.Second)
	s.expiresAt = s.issuedAt.Add(min(lifespan, i.maxAccessLifespan))
}

// mint signs the access token (RFC 9068) and puts it into the answer. Callers mint before they spend what the client
// presented: a token that is not handed out does no harm, but a code that was spent for nothing cannot be had again.
func (i *issuer) mint(ctx context.Context, request fosite.AccessRequester, response fosite.AccessResponder) error {
	for _, resource := range sessionOf(request).audience {
		request.GrantAudience(resource)
	}
	token, _, err := i.strategy.GenerateAccessToken(ctx, request)
	if err != nil {
		return err
	}
	s := sessionOf(request)
	response.SetAccessToken(token)
	response.SetTokenType(tokenType(s.boundTo))
	response.SetExpiresIn(s.expiresAt.Sub(s.issuedAt))
	response.SetScopes(request.GetGrantedScopes())
	return nil
}

// tokenType is that of an access token that is bound to the key with that thumbprint, or to none (RFC 9449 section 5).
func tokenType(boundTo string) string {
	if boundTo != "" {
		return "DPoP"
	}
	return "Bearer"
}
