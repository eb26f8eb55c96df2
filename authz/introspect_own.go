package authz

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/keys"
	"gatehouse/registry"
)

// handleIntrospectOwn tells the bearer of an access token what it is good for, in oauth2server's form.
func (s *Server) handleIntrospectOwn(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	token, err := readBearer(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	claims, err := s.liveClaims(ctx, token)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	redirectURI, err := s.redirectURIOf(ctx, claims)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		ClientID    string            `json:"client_id"`
		RedirectURI string            `json:"redirect_uri"`
		Scopes      map[string]string `json:"scopes"`
	}{claims.ClientID, redirectURI, s.scopes.describe(claims.Scopes)})
}

// redirectURIOf is where the code of the token's grant was sent; empty for a token without a grant.
func (s *Server) redirectURIOf(ctx context.Context, claims *keys.Claims) (string, error) {
	if claims.GrantID == "" {
		return "", nil
	}
	grant, err := s.registry.Grant(ctx, claims.GrantID)
	if errors.Is(err, registry.ErrNotFound) || grant.Ended() {
		return "", errInvalidToken // since the token was looked at
	}
	return grant.RedirectURI, err
}

// readBearer takes the token from the Authorization header (RFC 6750 section 2.1). oauth2server took it without the
// scheme, too.
func readBearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	switch len(headers) {
	case 0:
		return "", errInvalidToken
	case 1:
	default:
		return "", fosite.ErrInvalidRequest.WithHint("There are several Authorization headers.")
	}
	scheme, token, hasScheme := strings.Cut(headers[0], " ")
	switch {
	case !hasScheme:
		return headers[0], nil
	case !strings.EqualFold(scheme, "Bearer"):
		return "", errInvalidToken
	}
	return strings.TrimSpace(token), nil
}
