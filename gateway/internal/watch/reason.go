package watch

// Reason is why something that was open under a token was ended.
type Reason uint8

// The reasons.
const (
	// None is of what was not ended.
	None Reason = iota
	Expired
	// Revoked: the token, its grant or its client was.
	Revoked
	// KeyWithdrawn: the key that has signed the token is no longer good.
	KeyWithdrawn
	// Unknown: it could not be told for too long whether the token was revoked.
	Unknown

	reasons = iota
)

var reasonNames = [reasons]string{"none", "token_expired", "token_revoked", "key_withdrawn", "token_unknown"}

// Reasons returns all of them, by their value.
func Reasons() []Reason { return []Reason{None, Expired, Revoked, KeyWithdrawn, Unknown} }

// String is a word in lower case.
func (r Reason) String() string { return reasonNames[r] }
