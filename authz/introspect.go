package authz

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/authz/budget"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/keys"
	"gatehouse/registry"
)

// introspection is the answer of RFC 7662 section 2.2. An inactive token has nothing but Active.
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	Subject   string `json:"sub,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	// Confirmation is the key that the token is bound to (RFC 9449 section 6.2).
	Confirmation *confirmation `json:"cnf,omitempty"`
	Issuer       string        `json:"iss,omitempty"`
	Audience     []string      `json:"aud,omitempty"`
	ID           string        `json:"jti,omitempty"`
	GrantID      string        `json:"grant_id,omitempty"`
	IssuedAt     int64         `json:"iat,omitempty"`
	ExpiresAt    int64         `json:"exp,omitempty"`
	// Details say what the client may spend at this moment (RFC 9396 section 9.2).
	Details []budget.Detail `json:"authorization_details,omitempty"`
}

type confirmation struct {
	Thumbprint string `json:"jkt"`
}

func confirmationOf(boundTo string) *confirmation {
	if boundTo == "" {
		return nil
	}
	return &confirmation{boundTo}
}

// handleIntrospect tells a confidential client that an operator has registered whether a token is good (RFC 7662). Any access token
// may be asked about, since resource servers are clients too; a refresh token only by the client that it belongs to, so that nobody can take
// one for an access token. The answer is that of the registry, which knows of a revocation before any gateway does.
func (s *Server) handleIntrospect(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	client, form, err := s.readClientRequest(ctx, w, r)
	if err == nil && (client.Public || client.Fingerprint != "") {
		err = fosite.ErrUnauthorizedClient.WithHint("Introspection is for confidential clients that an operator has registered.")
	}
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	answer, err := s.introspect(ctx, client, form.Get("token"))
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, answer)
}

func (s *Server) introspect(ctx context.Context, client registry.Client, token string) (introspection, error) {
	claims, err := s.liveClaims(ctx, token)
	if err == nil {
		var details []budget.Detail
		if claims.GrantID != "" {
			details, err = s.grantedDetails(ctx, claims.Subject, claims.ClientID, claims.Scopes)
		}
		return introspection{
			Details:   details,
			Active:    true,
			Scope:     strings.Join(claims.Scopes, " "),
			ClientID:  claims.ClientID,
			Subject:   claims.Subject,
			TokenType: tokenType(claims.BoundTo),
			Issuer:    claims.Issuer,
			Audience:  claims.Audience,
			ID:        claims.ID,
			GrantID:   claims.GrantID,
			IssuedAt:  claims.IssuedAt.Unix(),
			ExpiresAt: claims.ExpiresAt.Unix(),

			Confirmation: confirmationOf(claims.BoundTo),
		}, err
	}
	if !errors.Is(err, endpoint.ErrInvalidToken) {
		return introspection{}, err
	}
	refresh, grant, err := s.registry.RefreshToken(ctx, text.HashToken(token))
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return introspection{}, nil
	case err != nil:
		return introspection{}, err
	case grant.ClientID != client.ID, grant.Ended(), refresh.Used(), !s.now().Before(refresh.ExpiresAt):
		return introspection{}, nil
	}
	details, err := s.grantedDetails(ctx, grant.Subject, grant.ClientID, grant.Scopes)
	return introspection{
		Details:   details,
		Active:    true,
		Scope:     strings.Join(grant.Scopes, " "),
		ClientID:  grant.ClientID,
		Subject:   grant.Subject,
		Issuer:    s.issuer.name,
		GrantID:   grant.ID,
		IssuedAt:  refresh.CreatedAt.Unix(),
		ExpiresAt: refresh.ExpiresAt.Unix(),

		Confirmation: confirmationOf(refresh.BoundTo),
	}, err
}

// ownClaims are liveClaims of a token that the server itself takes: one for another resource is good there alone.
func (s *Server) ownClaims(ctx context.Context, token string) (*keys.Claims, error) {
	claims, err := s.liveClaims(ctx, token)
	if err == nil && !claims.IsFor(s.issuer.name) {
		return nil, errWrongAudience
	}
	return claims, err
}

var errWrongAudience = endpoint.ErrInvalidToken.WithHint("The access token is for another resource.")

// liveClaims are those of an access token that verifies and was not revoked; else the error is endpoint.ErrInvalidToken, or an
// internal one when that cannot be found out.
func (s *Server) liveClaims(ctx context.Context, token string) (*keys.Claims, error) {
	claims, err := s.verifier.Verify([]byte(token))
	if err != nil {
		opaque, notFound := s.opaqueClaims(ctx, token)
		if notFound == nil && !s.now().Before(opaque.ExpiresAt) {
			notFound = endpoint.ErrInvalidToken
		}
		if errors.Is(notFound, endpoint.ErrInvalidToken) {
			return nil, endpoint.ErrInvalidToken.WithWrap(err)
		}
		if notFound != nil {
			return nil, notFound
		}
		claims = opaque
	}
	revoked, err := s.registry.Revoked(ctx, claims.ID, claims.GrantID, claims.ClientID)
	if err == nil && !revoked && claims.KeyID != "" { // another replica may have revoked the key just now
		revoked, err = s.registry.KeyRevoked(ctx, claims.KeyID)
	}
	if err != nil {
		return nil, err
	}
	if revoked {
		return nil, endpoint.ErrInvalidToken
	}
	return claims, nil
}
