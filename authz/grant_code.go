package authz

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

// codeGrant is the authorization code grant (RFC 6749 section 4.1) with PKCE (RFC 7636).
type codeGrant struct{ *issuer }

var (
	_ fosite.AuthorizeEndpointHandler = (*codeGrant)(nil)
	_ fosite.TokenEndpointHandler     = (*codeGrant)(nil)
)

// consent is what a user agreed to, the session of an authorization request.
type consent struct {
	fosite.DefaultSession
	accessLifespan time.Duration
	scopes         []string // of those asked for, what the user allows; nil: all
	resources      []string // where the access is good; none: at the issuer's own
	challenge      challenge
	codeBoundTo    string // the thumbprint of a key; empty: to none
	// requestID is the kept request that the user decided, in the session of sessionHash; both are empty where the client
	// sent the user's consent along.
	requestID, sessionHash string
	// decide is what the user decides about budgets with it; nil: nothing.
	decide func(context.Context) ([]registry.Decision, error)
	// unasked says that the user was asked earlier, not for this.
	unasked bool
	// unsaid says that the request has left the redirect URI to the registration.
	unsaid bool
}

// granted are the scopes that the user allows, of those that were asked for.
func (c *consent) granted(asked []string) []string {
	if c.scopes == nil {
		return asked
	}
	return c.scopes
}

// HandleAuthorizeEndpointRequest stores the grant and its code, and answers with the code.
func (g *codeGrant) HandleAuthorizeEndpointRequest(ctx context.Context, request fosite.AuthorizeRequester, response fosite.AuthorizeResponder) error {
	if !request.GetResponseTypes().ExactOne("code") {
		return nil
	}
	given := request.GetSession().(*consent)
	redirectURI := request.GetRequestForm().Get("redirect_uri")
	known := request.GetClient().(*fositeClient).Client
	now := g.now()
	grant := registry.Grant{
		ID:             rand.Text(),
		ClientID:       request.GetClient().GetID(),
		Subject:        given.Subject,
		Scopes:         given.granted(request.GetRequestedScopes()),
		Resources:      given.resources,
		RedirectURI:    redirectURI,
		AccessLifespan: given.accessLifespan,
		CreatedAt:      now,
		Fingerprint:    known.Fingerprint,
	}
	code := client.NewSecret()
	first := registry.Code{
		Hash:            text.HashToken(code),
		GrantID:         grant.ID,
		Challenge:       given.challenge.value,
		ChallengeMethod: given.challenge.method,
		RedirectURI:     redirectURI,
		BoundTo:         given.codeBoundTo,
		ExpiresAt:       now.Add(g.codeLifespan),
	}
	if given.unsaid {
		first.RedirectURI = ""
	}
	var replaced, leftOut []string
	err := g.turns.take(ctx, grant.Subject, func() (err error) {
		if err := g.keepClient(ctx, known, grant.Subject); err != nil {
			return err
		}
		replaced, leftOut, err = g.store(ctx, given, grant, first, without(request.GetRequestedScopes(), grant.Scopes))
		return err
	})
	if errors.Is(err, registry.ErrNotFound) { // deleted since the request was read
		return fosite.ErrUnauthorizedClient
	}
	if err != nil {
		return err
	}
	if len(replaced) > 0 { // Run delivers their revocations: nobody is told that they have arrived
		g.log.InfoContext(ctx, "grants ended: replaced", slog.Any("grant_ids", replaced), slog.String("client_id", grant.ClientID))
	}
	if len(leftOut) > 0 {
		g.log.InfoContext(ctx, "grants ended: left out", slog.Any("grant_ids", leftOut), slog.String("client_id", grant.ClientID))
		if _, err := g.deliverOf(ctx, grant.Subject); err != nil {
			return err
		}
	}
	response.AddParameter("code", code)
	request.SetResponseTypeHandled("code")
	return nil
}

// store makes the grant with its code. A kept request that the same session has decided before, in another click, has its grant
// already: that gets the code. What the user was asked for and left out, no earlier grant keeps. What was decided about budgets is set
// with the grant.
func (g *codeGrant) store(
	ctx context.Context, given *consent, grant registry.Grant, first registry.Code, without []string,
) (replaced, leftOut []string, err error) {
	var decided []registry.Decision
	switch {
	case given.unasked:
		replaced, err = g.registry.AuthorizeUnasked(ctx, grant, first, g.maxGrants)
	case given.requestID == "":
		replaced, err = g.authorizeUnseen(ctx, given, grant, first)
	default:
		if decided, err = given.decide(ctx); err != nil {
			return nil, nil, err
		}
		replaced, leftOut, err = g.registry.AuthorizeRequest(
			ctx, given.requestID, given.sessionHash, grant, first, g.maxGrants, without, decided...)
	}
	if err == nil {
		g.log.InfoContext(ctx, "grant made", slog.String("grant_id", grant.ID), slog.String("client_id", grant.ClientID))
	}
	if errors.Is(err, registry.ErrNoRoom) {
		return nil, nil, fosite.ErrConsentRequired.WithHint("Another access of the client would have to end: the user has to be asked.")
	}
	if !errors.Is(err, registry.ErrRequestUsed) {
		return replaced, leftOut, asRequestError(err)
	}
	if err := g.checkSameChoice(ctx, given.requestID, grant.Scopes, decided); err != nil {
		return nil, nil, err
	}
	err = g.registry.RenewCode(ctx, given.requestID, given.sessionHash, first.Hash, first.ExpiresAt)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, nil, errDecided
	}
	return nil, nil, err
}

// authorizeUnseen decides again about a budget that somebody has changed meanwhile.
func (g *codeGrant) authorizeUnseen(
	ctx context.Context, given *consent, grant registry.Grant, first registry.Code,
) ([]string, error) {
	for range 3 {
		decided, err := given.decide(ctx)
		if err != nil {
			return nil, err
		}
		replaced, err := g.registry.Authorize(ctx, grant, first, g.maxGrants, decided...)
		if !errors.Is(err, registry.ErrBudgetChanged) {
			return replaced, err
		}
	}
	return nil, fosite.ErrTemporarilyUnavailable.WithHint("The user's budget was being changed. Try again.")
}

// without are those of the scopes that are not granted.
func without(asked, granted []string) []string {
	return slices.DeleteFunc(slices.Clone(asked), func(name string) bool { return slices.Contains(granted, name) })
}

// checkSameChoice holds a click to the one before it: who has left something out since, or chosen another limit, must not be answered
// with what was allowed before.
func (g *codeGrant) checkSameChoice(ctx context.Context, requestID string, chosen []string, decided []registry.Decision) error {
	request, err := g.registry.AuthorizationRequest(ctx, requestID)
	var made registry.Grant
	if err == nil {
		made, err = g.registry.Grant(ctx, request.GrantID)
	}
	if errors.Is(err, registry.ErrNotFound) || err == nil && !slices.Equal(made.Scopes, chosen) {
		return errDecided
	}
	for _, d := range decided {
		now, findErr := g.registry.Budget(ctx, d.Budget.BudgetKey)
		if errors.Is(findErr, registry.ErrNotFound) || findErr == nil && budget.LimitOf(now) != budget.LimitOf(d.Budget) {
			return errDecided
		}
		err = errors.Join(err, findErr)
	}
	return err
}

func (g *codeGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

func (g *codeGrant) CanHandleTokenEndpointRequest(_ context.Context, request fosite.AccessRequester) bool {
	return request.GetGrantTypes().ExactOne(client.AuthorizationCode)
}

// HandleTokenEndpointRequest checks everything that does not spend the code: a code that comes from the wrong client,
// with the wrong redirect URI or the wrong verifier stays good for the right ones.
func (g *codeGrant) HandleTokenEndpointRequest(ctx context.Context, request fosite.AccessRequester) error {
	if !g.CanHandleTokenEndpointRequest(ctx, request) {
		return fosite.ErrUnknownRequest
	}
	if err := requireGrantType(request, client.AuthorizationCode); err != nil {
		return err
	}
	form := request.GetRequestForm()
	presented := form.Get("code")
	if presented == "" {
		return fosite.ErrInvalidRequest.WithHint("Parameter 'code' is missing.")
	}
	code, grant, err := g.registry.Code(ctx, text.HashToken(presented))
	if errors.Is(err, registry.ErrNotFound) {
		return errWrongCode
	}
	if err != nil {
		return err
	}
	switch {
	case grant.ClientID != request.GetClient().GetID():
		return errWrongCode
	case !isAnswered(form.Get("redirect_uri"), code, grant):
		return fosite.ErrInvalidGrant.WithHint("The 'redirect_uri' is not the one of the authorization request.")
	case code.Challenge == "" && request.GetClient().IsPublic():
		return fosite.ErrInvalidGrant.WithHint("The code of a public client must be bound to a 'code_challenge'.")
	}
	bound := challenge{value: code.Challenge, method: code.ChallengeMethod}
	if err := bound.check(form.Get("code_verifier")); err != nil {
		return err
	}
	audience, err := g.resources.audience(grant, form)
	if err != nil {
		return err
	}
	underGrant(request, grant, grant.Scopes, audience)
	sessionOf(request).presented, sessionOf(request).presentedBoundTo = presented, code.BoundTo
	g.prepare(sessionOf(request), grant.AccessLifespan)
	return nil
}

// isAnswered reports whether a token request says of the redirect URI what the authorization request said (RFC 6749 section
// 4.1.3). Where that said nothing, the one that was used may be named.
func isAnswered(redirectURI string, code registry.Code, grant registry.Grant) bool {
	return redirectURI == code.RedirectURI || code.RedirectURI == "" && redirectURI == grant.RedirectURI
}

// PopulateTokenEndpointResponse spends the code. Of any number of attempts at once one gets tokens; each other one is a
// second use, which ends the grant, because one of the two was not the client.
func (g *codeGrant) PopulateTokenEndpointResponse(ctx context.Context, request fosite.AccessRequester, response fosite.AccessResponder) error {
	if !g.CanHandleTokenEndpointRequest(ctx, request) {
		return fosite.ErrUnknownRequest
	}
	s := sessionOf(request)
	if err := g.mint(ctx, request, response); err != nil {
		return err
	}
	refresh, first := "", (*registry.RefreshToken)(nil)
	if slices.Contains(request.GetClient().GetGrantTypes(), client.RefreshToken) {
		refresh = client.NewSecret()
		first = &registry.RefreshToken{
			Hash:      text.HashToken(refresh),
			GrantID:   s.grant.ID,
			BoundTo:   keyOfRefreshToken(request),
			ExpiresAt: g.now().Add(g.refreshLifespan),
		}
	}
	err := g.turns.take(ctx, s.subject, func() error {
		return g.registry.RedeemCode(ctx, text.HashToken(s.presented), first, s.acceptedUntil())
	})
	if err := g.concludeExchange(ctx, s.grant, err); err != nil {
		return err
	}
	if refresh != "" {
		response.SetExtra("refresh_token", refresh)
	}
	return nil
}

var errWrongCode = fosite.ErrInvalidGrant.WithHint("The code is unknown, expired or was used before.")
