package authz

import (
	"context"
	"errors"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/keys"
	"gatehouse/registry"
)

// opaqueClaims are those of an access token that was taken over of another server, as a gateway sees them: also of one that
// has expired, or whose grant has ended. The error is endpoint.ErrInvalidToken when there is no such token, or none is good.
func (s *Server) opaqueClaims(ctx context.Context, token string) (*keys.Claims, error) {
	if !s.opaqueTokens {
		return nil, endpoint.ErrInvalidToken
	}
	found, err := s.registry.ImportedAccessToken(ctx, text.HashToken(token))
	if errors.Is(err, registry.ErrNotFound) {
		return nil, endpoint.ErrInvalidToken
	}
	if err != nil {
		return nil, err
	}
	return &keys.Claims{
		Issuer: s.issuer.name, Audience: []string{s.issuer.name}, Subject: found.Grant.Subject, ClientID: found.Grant.ClientID,
		ID: found.Grant.ID, GrantID: found.Grant.ID, Scopes: found.Grant.Scopes, IssuedAt: found.IssuedAt, ExpiresAt: found.ExpiresAt,
	}, nil
}
