package authz

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/ory/fosite"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/keys"
	"gatehouse/keys/dpop"
)

// proveSender binds what a token request will get to the key that it proves to hold (RFC 9449 section 5), and holds it to the key
// that what it presents is bound to. It comes after everything that may refuse the request, and before anything is spent: the
// proof is used up by it.
func (s *Server) proveSender(ctx context.Context, r *http.Request, request fosite.AccessRequester) error {
	to := sessionOf(request)
	proof, err := endpoint.ReadProof(r)
	if err != nil {
		return err
	}
	client, _ := request.GetClient().(*fositeClient)
	mustProve := to.presentedBoundTo != "" || client != nil && client.DPoPBound
	switch {
	case proof == "" && mustProve:
		return endpoint.ErrInvalidProof.WithHint("The request has no DPoP proof.")
	case proof == "":
		return nil
	case s.proofs == nil && mustProve:
		return errNoProofs
	case s.proofs == nil: // as a server that has never heard of it
		return nil
	}
	verified, err := s.proofs.Check(ctx, proof, dpop.Request{
		Method: r.Method, URI: s.metadata.TokenEndpoint, Thumbprint: to.presentedBoundTo, Holder: to.subject,
	})
	if errors.Is(err, dpop.ErrOtherKey) {
		return fosite.ErrInvalidGrant.WithHint("The code or refresh token is bound to another key.")
	}
	to.boundTo = verified.Thumbprint
	return endpoint.AsProofError(err)
}

var errNoProofs = fosite.ErrTemporarilyUnavailable.WithHint("DPoP proofs cannot be checked here.")

// sayNonce gives a client that sends proofs the nonce for its next one, where that needs one.
func (s *Server) sayNonce(w http.ResponseWriter, r *http.Request) {
	if s.proofs == nil || r.Header.Get(endpoint.ProofField) == "" {
		return
	}
	if nonce := s.proofs.Nonce(); nonce != "" {
		w.Header().Set(endpoint.NonceField, nonce)
	}
}

// requireNonce refuses a proof that has no nonce of now. It comes before the client proves itself: clients send the same request again with
// a nonce, and with it an assertion that is good once. What else is wrong with the proof is said where it is used up.
func (s *Server) requireNonce(r *http.Request) error {
	proof, err := endpoint.ReadProof(r)
	if err != nil || proof == "" || s.proofs == nil {
		return nil
	}
	return endpoint.AsProofError(s.proofs.CheckNonce(proof))
}

// shownClaims are those of the access token that a request shows, if it is good, and the caller its rightful holder: a token that is
// bound to a key comes with a proof (RFC 9449 section 7).
func (s *Server) shownClaims(ctx context.Context, w http.ResponseWriter, r *http.Request) (*keys.Claims, error) {
	s.sayNonce(w, r)
	token, isDPoP, err := endpoint.ReadAccessToken(r)
	if err != nil {
		return nil, err
	}
	claims, err := s.ownClaims(ctx, token)
	if err != nil {
		return nil, err
	}
	proof, err := endpoint.ReadProof(r)
	isBound := claims.BoundTo != ""
	switch {
	case isBound && !isDPoP:
		return nil, endpoint.ErrBoundAsBearer
	case !isBound && isDPoP:
		return nil, endpoint.ErrInvalidToken.WithHint("The access token is not bound to a key.")
	case !isBound && (proof != "" || err != nil):
		return nil, fosite.ErrInvalidRequest.WithHint("The request has a DPoP proof, and a bearer token, which is bound to no key.")
	case !isBound:
		return claims, nil
	case err != nil:
		return nil, endpoint.AtResource(err)
	case proof == "":
		return nil, endpoint.AtResource(endpoint.ErrInvalidProof.WithHint("The request has no DPoP proof."))
	case s.proofs == nil:
		return nil, errNoProofs
	}
	_, err = s.proofs.Check(ctx, proof, dpop.Request{
		Method: r.Method, URI: s.issuer.name + r.URL.EscapedPath(), AccessToken: token, Thumbprint: claims.BoundTo,
		Holder: cmp.Or(claims.Subject, claims.ClientID),
	})
	if errors.Is(err, dpop.ErrOtherKey) {
		return nil, endpoint.ErrInvalidToken.WithHint("The access token is bound to another key.")
	}
	if err != nil {
		return nil, endpoint.AtResource(endpoint.AsProofError(err))
	}
	return claims, nil
}

// keyOfCodeField is the parameter that binds a code to a key.
const keyOfCodeField = "dpop_jkt"

// readKeyOfCode is the thumbprint that an authorization request binds its code to (RFC 9449 section 10); "" where it does not.
func readKeyOfCode(form url.Values) (string, error) {
	thumbprint := form.Get(keyOfCodeField)
	if thumbprint != "" && !dpop.IsThumbprint(thumbprint) {
		return "", fosite.ErrInvalidRequest.WithHint("The 'dpop_jkt' is not the SHA-256 thumbprint of a key.")
	}
	return thumbprint, nil
}
