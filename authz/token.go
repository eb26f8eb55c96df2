package authz

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
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
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	s.sayNonce(w, r)
	sent, err := endpoint.ReadParameters(w, r)
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	form, err := tokenParameters(sent)
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	switch grantType := form.Get("grant_type"); {
	case grantType == "":
		s.failures.Answer(w, r, fosite.ErrInvalidRequest.WithHint("Parameter 'grant_type' is missing."))
		return
	case !slices.Contains(client.GrantTypes(), grantType):
		s.failures.Answer(w, r, fosite.ErrUnsupportedGrantType.WithHintf("The grant type '%s' is not supported, but %s.",
			grantType, strings.Join(client.GrantTypes(), ", ")))
		return
	}
	if err := s.requireNonce(r); err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	request, err := s.provider.NewAccessRequest(ctx, requestForFosite(r, form), &session{})
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	if err := s.proveSender(ctx, r, request); err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	response, err := s.provider.NewAccessResponse(ctx, request)
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	to := sessionOf(request)
	s.onIssued(r.Context(), Issued{GrantType: form.Get("grant_type"), ClientID: to.clientID, Subject: to.subject, Replayed: to.replayed})
	answer := response.ToMap()
	s.addDetails(ctx, answer, to, request.GetGrantedScopes())
	endpoint.WriteJSON(w, http.StatusOK, answer)
}

// tokenParameters are those of the body and of the query, where the Alby SDK sends them. Secrets and assertions are not taken from
// there, because URLs end up in logs.
func tokenParameters(sent endpoint.Parameters) (url.Values, error) {
	for _, name := range []string{"client_secret", "client_assertion"} {
		if sent.Query.Has(name) {
			return nil, fosite.ErrInvalidRequest.WithHintf("Parameter '%s' must not be sent in the query.", name)
		}
	}
	return sent.All(), nil
}
