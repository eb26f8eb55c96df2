package authz

import (
	"net/http"
	"slices"

	"github.com/ory/fosite"
)

// handleToken exchanges a code, a refresh token or the client's own credentials for an access token (RFC 6749 section
// 3.2).
func (s *Server) handleToken(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline()
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
	case !slices.Contains(grantTypes, grantType):
		s.fail(w, r, fosite.ErrUnsupportedGrantType)
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
	writeJSON(w, http.StatusOK, response.ToMap())
}
