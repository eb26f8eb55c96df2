package gateway

import (
	"errors"

	"gatehouse/denylist"
	"gatehouse/keys"
)

// Verdict is what was found out about a request's token.
type Verdict uint8

// The verdicts. Those after RevocationUnchecked refuse the request.
const (
	// Unjudged requests were refused before their token was looked at.
	Unjudged Verdict = iota
	// Anonymous requests have no token, and their route is public.
	Anonymous
	Valid
	// RevocationUnchecked tokens were accepted although it could not be told whether they were revoked, as their route says.
	RevocationUnchecked
	Missing
	Malformed
	UnknownKey
	BadSignature
	// WrongClaims lack a claim, or are of another issuer or for another audience.
	WrongClaims
	Expired
	// NotYetValid tokens were issued in the future: a clock is wrong.
	NotYetValid
	Revoked
	// RevocationUnknown refuses because it cannot be told whether the token was revoked.
	RevocationUnknown
	// Insufficient tokens lack the scope of the route, or speak for no user where the upstream needs one.
	Insufficient
	// UserRefused tokens are good, and speak for a user whom lndhub.go does not let in.
	UserRefused
	// BadProof tokens are good, and the proof is not that their sender holds the key that they are bound to; or they are bound to
	// none, and ought to be.
	BadProof
	// ProofUnknown refuses because it cannot be told whether a proof was used before.
	ProofUnknown
	// NoKeys refuses because no token can be verified yet.
	NoKeys

	verdicts = iota
)

var verdictNames = [verdicts]string{
	"unjudged", "anonymous", "valid", "unguarded", "missing", "malformed", "unknown_key", "bad_signature", "wrong_claims",
	"expired", "not_yet_valid", "revoked", "revocation_unknown", "insufficient_scope", "user_refused",
	"bad_proof", "proof_unknown", "no_keys",
}

// Verdicts returns all of them, by their value.
func Verdicts() []Verdict { return all[Verdict](verdicts) }

// String is a word in lower case.
func (v Verdict) String() string { return verdictNames[v] }

// refusedTokens says what becomes of each reason: a verdict of its own for the observer, and for the caller one answer,
// which tells only an expired token from the others.
var refusedTokens = []struct {
	reason error
	answer *refusal
}{
	{keys.ErrExpired, errExpiredToken},
	{keys.ErrKeysUnavailable, errKeysUnavailable},
	{denylist.ErrUnknown, errTokenUnknown},
	{keys.ErrUnknownKey, errWithdrawnKey},
	{keys.ErrSignature, errInvalidToken.judged(BadSignature)},
	{keys.ErrNotYetValid, errInvalidToken.judged(NotYetValid)},
	{keys.ErrIssuer, errInvalidToken.judged(WrongClaims)},
	{keys.ErrAudience, errInvalidToken.judged(WrongClaims)},
	{keys.ErrMissingClaim, errInvalidToken.judged(WrongClaims)},
}

func tokenRefused(reason error) *refusal {
	for _, known := range refusedTokens {
		if errors.Is(reason, known.reason) {
			return known.answer
		}
	}
	return errInvalidToken
}
