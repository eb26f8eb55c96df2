package authz

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/ory/fosite"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/keyring"
	"gatehouse/authz/outbox"
	"gatehouse/keys"
	"gatehouse/registry"
)

const reasonRevoked = "revoked"

// handleRevoke takes back an access token, or a refresh token and with it the whole grant (RFC 7009). It answers 200 when
// every gateway refuses what was revoked, but for those that it says it could not hear from, and 503 only when the
// revocation is recorded and will reach them.
func (s *Server) handleRevoke(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	client, form, err := s.readClientRequest(ctx, w, r)
	if err != nil {
		s.failures.AnswerRevocation(w, r, err)
		return
	}
	unconfirmed, err := s.revoke(ctx, client, form.Get("token"))
	if err != nil {
		s.failures.AnswerRevocation(w, r, err)
		return
	}
	endpoint.SayUnconfirmed(w, unconfirmed)
	endpoint.WriteJSON(w, http.StatusOK, revoked{})
}

// revoked is the answer to a revocation. RFC 7009 section 2.2 lets clients ignore it; some that do not would take an empty
// one for a failure.
type revoked struct{}

// revoke finds out by itself what kind of token it is; token_type_hint could only be wrong. A token that is unknown,
// malformed or expired is as good as revoked.
func (s *Server) revoke(ctx context.Context, client registry.Client, token string) (unconfirmed int, err error) {
	claims, err := s.lenientVerifier.Verify([]byte(token))
	if err != nil {
		claims, err = s.opaqueClaims(ctx, token)
	}
	switch {
	case err == nil && claims.ClientID != client.ID:
		return 0, errForeignToken
	case err == nil:
		return s.revokeAccessToken(ctx, claims)
	case !errors.Is(err, endpoint.ErrInvalidToken):
		return 0, err
	}
	_, grant, err := s.registry.RefreshToken(ctx, text.HashToken(token))
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	case grant.ClientID != client.ID:
		return 0, errForeignToken
	}
	err = s.issuer.turns.take(ctx, grant.Subject, func() error { return s.registry.EndGrant(ctx, grant.ID, reasonRevoked) })
	if err != nil {
		return 0, err
	}
	s.log.InfoContext(ctx, "grant ended: revoked", slog.String("grant_id", grant.ID), slog.String("client_id", client.ID))
	return s.issuer.relay.Confirm(ctx, outbox.RevokedGrant(grant.ID))
}

// revokeAccessToken ends the token's grant instead when its client has revoked too many one by one.
func (s *Server) revokeAccessToken(ctx context.Context, claims *keys.Claims) (unconfirmed int, err error) {
	expires := claims.ExpiresAt.Add(keyring.ClockSkew)
	own := []outbox.Revoked{outbox.RevokedToken(claims.ID)}
	who := []any{slog.String("jti", claims.ID), slog.String("client_id", claims.ClientID)}
	if claims.GrantID == "" { // the client's own
		if err := s.registry.RevokeToken(ctx, claims.ID, expires); err != nil {
			return 0, err
		}
	} else {
		var isEnded bool
		err = s.issuer.turns.take(ctx, claims.Subject, func() (err error) {
			isEnded, err = s.registry.RevokeTokenOf(ctx, claims.GrantID, claims.ID, expires, s.issuer.maxRevokedTokens)
			return err
		})
		if err != nil {
			return 0, err
		}
		if isEnded {
			s.log.WarnContext(ctx, "grant ended: too many of its access tokens were revoked",
				slog.String("grant_id", claims.GrantID), slog.String("client_id", claims.ClientID))
		}
		own = append(own, outbox.RevokedGrant(claims.GrantID)) // which may be what revokes the token
	}
	s.log.InfoContext(ctx, "access token revoked", who...)
	return s.issuer.relay.Confirm(ctx, own...)
}

var errForeignToken = fosite.ErrUnauthorizedClient.WithHint("The token was issued to another client.")

// readClientRequest reads a form about a token that comes from an authenticated client, as revocation and introspection
// both take it.
func (s *Server) readClientRequest(ctx context.Context, w http.ResponseWriter, r *http.Request) (registry.Client, url.Values, error) {
	sent, err := endpoint.ReadParameters(w, r)
	if err != nil {
		return registry.Client{}, nil, err
	}
	client, err := s.authenticateClient(ctx, r, sent.Body)
	if err != nil {
		return registry.Client{}, nil, err
	}
	if !sent.Body.Has("token") {
		return registry.Client{}, nil, fosite.ErrInvalidRequest.WithHint("Parameter 'token' is missing.")
	}
	return client, sent.Body, nil
}
