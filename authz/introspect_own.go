package authz

import (
	"context"
	"errors"
	"net/http"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/keys"
	"gatehouse/registry"
)

// handleIntrospectOwn tells the bearer of an access token what it is good for, in oauth2server's form.
func (s *Server) handleIntrospectOwn(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	claims, err := s.shownClaims(ctx, w, r)
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	redirectURI, err := s.redirectURIOf(ctx, claims)
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, struct {
		ClientID    string            `json:"client_id"`
		RedirectURI string            `json:"redirect_uri"`
		Scopes      map[string]string `json:"scopes"`
	}{claims.ClientID, redirectURI, s.scopes.Describe(claims.Scopes)})
}

// redirectURIOf is where the code of the token's grant was sent; empty for a token without a grant.
func (s *Server) redirectURIOf(ctx context.Context, claims *keys.Claims) (string, error) {
	if claims.GrantID == "" {
		return "", nil
	}
	grant, err := s.registry.Grant(ctx, claims.GrantID)
	if errors.Is(err, registry.ErrNotFound) || grant.Ended() {
		return "", endpoint.ErrInvalidToken // since the token was looked at
	}
	return grant.RedirectURI, err
}
