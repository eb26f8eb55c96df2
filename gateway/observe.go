package gateway

import (
	"errors"

	"github.com/valyala/fasthttp"

	"gatehouse/keys"
)

// Observer is told what became of requests, for metrics and logs. It is called on the path of each request, by many at
// once: it must not block, and may keep nothing of what it is given but claims.
type Observer interface {
	// Served is called once for each request that Handle has served, when the answer is made and before it is written.
	Served(ctx *fasthttp.RequestCtx, seen *Observation)
	// Cut is called for each answer of that route that was begun and could not be passed on to its end, after Served.
	Cut(route int, how Failure)
}

// NoRoute is the Observation.Route of a request that no route lets pass.
const NoRoute = -1

// Observation is what was found out about one request.
type Observation struct {
	// Route is the index in Config.Routes, or NoRoute.
	Route   int
	Verdict Verdict
	// Claims are those of an authentic token, also of one that was refused after that; else nil. They are not changed.
	Claims *keys.Claims
	// Received is how many bytes of the request's body were read.
	Received int
	Failure  Failure
	// Tunnel is the WebSocket that the request has opened, else nil.
	Tunnel *Tunnel
}

// Verdict is what was found out about a request's token.
type Verdict uint8

// The verdicts. Those after Unguarded refuse the request.
const (
	// Unjudged requests were refused before their token was looked at.
	Unjudged Verdict = iota
	// Anonymous requests have no token, and their route is public.
	Anonymous
	Valid
	// Unguarded tokens were accepted without knowing whether they were revoked, as their route says.
	Unguarded
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
	// NoKeys refuses because no token can be verified yet.
	NoKeys

	verdicts = iota
)

var verdictNames = [verdicts]string{
	"unjudged", "anonymous", "valid", "unguarded", "missing", "malformed", "unknown_key", "bad_signature", "wrong_claims",
	"expired", "not_yet_valid", "revoked", "revocation_unknown", "insufficient_scope", "no_keys",
}

// Verdicts returns all of them, by their value.
func Verdicts() []Verdict { return all[Verdict](verdicts) }

// String is a word in lower case.
func (v Verdict) String() string { return verdictNames[v] }

// Failure is how an exchange with an upstream failed.
type Failure uint8

// The failures.
const (
	NoFailure Failure = iota
	// Busy upstreams had no connection free for as long as a request may wait. Nothing was sent.
	Busy
	// Unreachable upstreams could not be connected to. Nothing was sent.
	Unreachable
	// TooSlow upstreams let one of the route's timeouts pass.
	TooSlow
	// BrokeOff is a connection that ended before the answer did.
	BrokeOff
	NotHTTP
	// CredentialRefused is a 401 for a credential that the gateway had made.
	CredentialRefused
	// Abandoned requests lost their caller before the answer. The upstream has done nothing wrong.
	Abandoned

	failures = iota
)

var failureNames = [failures]string{
	"none", "busy", "unreachable", "too_slow", "broke_off", "not_http", "credential_refused", "abandoned",
}

// Failures returns all of them, by their value.
func Failures() []Failure { return all[Failure](failures) }

// String is a word in lower case.
func (f Failure) String() string { return failureNames[f] }

func all[T ~uint8](count T) []T {
	list := make([]T, count)
	for i := range count {
		list[i] = i
	}
	return list
}

// refusedTokens have one answer for the caller, who learns only that a token has expired, and a verdict each for the
// observer.
var refusedTokens = []struct {
	reason error
	answer *refusal
}{
	{keys.ErrExpired, errExpiredToken},
	{keys.ErrKeysUnavailable, errKeysUnavailable},
	{keys.ErrUnknownKey, errInvalidToken.judged(UnknownKey)},
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
