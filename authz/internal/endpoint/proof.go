package endpoint

import (
	"errors"
	"net/http"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/keys/dpop"
)

// The errors of DPoP at the token endpoint (RFC 9449 sections 5 and 8), and ErrBoundAsBearer where an access token is shown (section
// 7.2).
var (
	ErrInvalidProof = &fosite.RFC6749Error{
		ErrorField: "invalid_dpop_proof", DescriptionField: "The DPoP proof is not valid.",
		CodeField: http.StatusBadRequest,
	}
	ErrUseNonce = &fosite.RFC6749Error{
		ErrorField: "use_dpop_nonce", DescriptionField: "The DPoP proof needs the nonce in DPoP-Nonce.",
		CodeField: http.StatusBadRequest,
	}
	ErrBoundAsBearer = &fosite.RFC6749Error{
		ErrorField: ErrInvalidToken.ErrorField, DescriptionField: "The access token is bound to a key: it comes after the word DPoP, with a proof.",
		CodeField: http.StatusUnauthorized,
	}
)

// ProofField is the request's field that holds a proof, NonceField the answer's that holds a nonce.
const (
	ProofField = "DPoP"
	NonceField = "DPoP-Nonce"
)

// ReadProof is the DPoP proof of a request; "" when it has none. Two are refused (RFC 9449 section 4.3, check 1).
func ReadProof(r *http.Request) (string, error) {
	switch proofs := r.Header.Values(ProofField); {
	case len(proofs) == 0:
		return "", nil
	case len(proofs) > 1:
		return "", ErrInvalidProof.WithHint("The request has more than one DPoP proof.")
	case proofs[0] == "":
		return "", ErrInvalidProof.WithHint("The DPoP proof is empty.")
	default:
		return proofs[0], nil
	}
}

// AsProofError is what the caller is told of an error of a dpop.Checker.
func AsProofError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, dpop.ErrUseNonce):
		return ErrUseNonce
	case errors.Is(err, dpop.ErrInvalidProof):
		reason := strings.TrimPrefix(err.Error(), dpop.ErrInvalidProof.Error()+": ")
		return ErrInvalidProof.WithHintf("The DPoP proof is not valid: %s.", reason)
	default:
		return fosite.ErrTemporarilyUnavailable.WithHint("It cannot be told right now whether the DPoP proof was used before.").WithWrap(err)
	}
}

// AtResource is an error about a proof where it comes with an access token: there it is a 401 (RFC 9449 section 7.1).
func AtResource(err error) error {
	e := AsOAuthError(err)
	if e.ErrorField != ErrInvalidProof.ErrorField && e.ErrorField != ErrUseNonce.ErrorField {
		return err
	}
	refused := *e
	refused.CodeField = http.StatusUnauthorized
	return &refused
}

// ReadAccessToken takes the access token from the Authorization header, and tells whether it is said to come with a proof (RFC 9449
// section 7.1).
func ReadAccessToken(r *http.Request) (token string, isDPoP bool, err error) {
	if token, isDPoP = dpopToken(r); isDPoP {
		return token, true, nil
	}
	token, err = ReadBearer(r)
	return token, false, err
}

func dpopToken(r *http.Request) (token string, ok bool) {
	sent := r.Header.Values("Authorization")
	if len(sent) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(sent[0], " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "DPoP")
}

// dpopChallenge is the WWW-Authenticate of a 401 to a caller that has to come with a proof; "" for others.
func dpopChallenge(r *http.Request, e *fosite.RFC6749Error) string {
	_, isDPoP := dpopToken(r)
	if !isDPoP && e.DescriptionField != ErrBoundAsBearer.DescriptionField {
		return ""
	}
	return `DPoP realm="gatehouse", error="` + e.ErrorField + `", algs="` + strings.Join(dpop.Algorithms(), " ") + `"`
}
