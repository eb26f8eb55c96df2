package tunnel

import "gatehouse/gateway/internal/watch"

// Ending is why a WebSocket ended.
type Ending uint8

// The endings.
const (
	// HungUp: one of the ends closed the WebSocket or its connection, or took nothing more.
	HungUp Ending = iota
	// TokenExpired: the token's time was over.
	TokenExpired
	// TokenRevoked: the token, its grant or its client was revoked, or its key was withdrawn.
	TokenRevoked
	// TokenUnknown: it could not be told for too long whether the token was revoked.
	TokenUnknown
	// Silent: nothing came from either end for Opening.IdleTimeout.
	Silent
	// Stopping: the set was drained.
	Stopping

	endings = iota
)

var endingNames = [endings]string{"hung_up", "token_expired", "token_revoked", "token_unknown", "silent", "stopping"}

// String is a word in lower case.
func (e Ending) String() string { return endingNames[e] }

// Cut is why the watch ended the WebSocket, if it did.
func (e Ending) Cut() watch.Reason {
	switch e {
	case TokenExpired:
		return watch.Expired
	case TokenRevoked:
		return watch.Revoked
	case TokenUnknown:
		return watch.Unknown
	}
	return watch.None
}

// The codes of Close frames (RFC 6455 section 7.4). A private one is 4000 and the HTTP status that a request would get.
const (
	codeGoingAway = 1001
	codePolicy    = 1008
	codeTryAgain  = 1013 // registered with IANA
	codeNoToken   = 4401
)

// closing is the Close frame for each of the two ends.
type closing struct{ toCaller, toUpstream []byte }

func newClosing(callerCode, upstreamCode uint16, reason string) closing {
	return closing{closeFrame(callerCode, reason, false), closeFrame(upstreamCode, reason, true)}
}

// closings tell the upstream the reason too: it may hold something for its user.
var closings = [endings]closing{
	TokenExpired: newClosing(codeNoToken, codePolicy, "token expired"),
	TokenRevoked: newClosing(codeNoToken, codePolicy, "token revoked"),
	TokenUnknown: newClosing(codeTryAgain, codeGoingAway, "token cannot be checked"),
	Silent:       newClosing(codeGoingAway, codeGoingAway, "idle"),
	Stopping:     newClosing(codeGoingAway, codeGoingAway, "server is stopping"),
}
