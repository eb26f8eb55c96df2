package authz

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/authz/client"
)

// Issued is who was given an access token, and for what.
type Issued struct {
	GrantType string
	ClientID  string
	Subject   string // the client itself for client_credentials
	// Replayed says that the refresh token had been used before, within its grace.
	Replayed bool
}

// handleToken exchanges a code, a refresh token or the client's own credentials for an access token (RFC 6749 section
// 3.2).
func (s *Server) handleToken(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	sent, err := readParameters(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	form, err := sent.ofTokenRequest()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	switch grantType := form.Get("grant_type"); {
	case grantType == "":
		s.fail(w, r, fosite.ErrInvalidRequest.WithHint("Parameter 'grant_type' is missing."))
		return
	case !slices.Contains(client.GrantTypes(), grantType):
		s.fail(w, r, fosite.ErrUnsupportedGrantType.WithHintf("The grant type '%s' is not supported, but %s.",
			grantType, strings.Join(client.GrantTypes(), ", ")))
		return
	case form.Has("client_assertion") || form.Has("client_assertion_type"):
		s.fail(w, r, fosite.ErrInvalidClient.WithHint("Client assertions (private_key_jwt, client_secret_jwt) are not supported."))
		return
	}
	request, err := s.provider.NewAccessRequest(ctx, requestForFosite(r, form), &session{})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	response, err := s.provider.NewAccessResponse(ctx, request)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	to := sessionOf(request)
	s.onIssued(r.Context(), Issued{GrantType: form.Get("grant_type"), ClientID: to.clientID, Subject: to.subject, Replayed: to.replayed})
	answer := response.ToMap()
	s.addDetails(ctx, answer, to, request.GetGrantedScopes())
	writeJSON(w, http.StatusOK, answer)
}
