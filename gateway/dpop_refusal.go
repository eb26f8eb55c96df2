package gateway

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"gatehouse/keys/dpop"
)

// What is refused of tokens that are bound to a key, or ought to be (RFC 9449 section 7.1 and 7.2).
var (
	errBoundAsBearer = senderRefusal("invalid_token", "The access token is bound to a key: it comes after the word DPoP, with a proof.")
	errNotBound      = senderRefusal("invalid_token", "The access token is not bound to a key.")
	errOnlyBound     = senderRefusal("invalid_token", "Only an access token that is bound to a key (DPoP) is taken here.")
	errUncheckable   = senderRefusal("invalid_token", "Access tokens that are bound to a key are not taken here.")
	// errProofOfBearer is of a caller who believes that its token is of no use to others.
	errProofOfBearer = newRefusal(fiber.StatusBadRequest, "invalid_request",
		"The request has a DPoP proof, and a bearer token, which is bound to no key.").judged(BadProof)
	errNoBoundToken = newRefusal(fiber.StatusUnauthorized, "invalid_token", "The request has no access token.").
			challenged(`DPoP realm="gatehouse", ` + algorithmsParameter).judged(Missing)

	errNoProof    = senderRefusal("invalid_dpop_proof", "The request has no DPoP proof.")
	errTwoProofs  = senderRefusal("invalid_dpop_proof", "The request has more than one DPoP proof.")
	errWrongProof = senderRefusal("invalid_dpop_proof", "The DPoP proof is not valid.")
	errUseNonce   = senderRefusal("use_dpop_nonce", "The DPoP proof needs the nonce in DPoP-Nonce.")

	// errProofUnknown holds whatever on_unavailable says: that is about tokens whose holder has lost nothing but a right. A proof
	// that may have been used is what somebody sends who has overheard a request.
	errProofUnknown = newRefusal(fiber.StatusServiceUnavailable, "temporarily_unavailable",
		"It cannot be told right now whether the DPoP proof was used before.").retry("1").judged(ProofUnknown)
)

// refusedProofs say what is wrong with a proof, in words that tell a client what to change.
var refusedProofs = func() (all []refusedProof) {
	for _, reason := range []error{
		dpop.ErrMalformed, dpop.ErrHeader, dpop.ErrAlgorithm, dpop.ErrKey, dpop.ErrOtherKey, dpop.ErrSignature, dpop.ErrClaims, dpop.ErrMethod,
		dpop.ErrURI, dpop.ErrAccessToken, dpop.ErrTooOld, dpop.ErrNotYet, dpop.ErrUsed,
	} {
		words, code := strings.TrimPrefix(reason.Error(), dpop.ErrInvalidProof.Error()), "invalid_dpop_proof"
		if errors.Is(reason, dpop.ErrOtherKey) {
			code = "invalid_token" // the proof is one of that key
		}
		all = append(all, refusedProof{reason, senderRefusal(code, "The DPoP proof is not valid"+words+".")})
	}
	return all
}()

type refusedProof struct {
	reason error
	answer *refusal
}

func proofRefused(reason error) *refusal {
	switch {
	case errors.Is(reason, dpop.ErrUseNonce):
		return errUseNonce
	case !errors.Is(reason, dpop.ErrInvalidProof):
		return errProofUnknown
	}
	for _, known := range refusedProofs {
		if errors.Is(reason, known.reason) {
			return known.answer
		}
	}
	return errWrongProof
}

func senderRefusal(code, description string) *refusal {
	return newRefusal(fiber.StatusUnauthorized, code, description).
		challenged(`DPoP realm="gatehouse", error="` + code + `", error_description=` + strconv.Quote(description) + ", " + algorithmsParameter).
		judged(BadProof)
}
