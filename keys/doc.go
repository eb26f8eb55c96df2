// Package keys owns the signing keys and everything that is proven with them: generating and sealing private keys, the
// ring of keys that are valid now, the public JWKS document, signing access tokens and verifying them.
//
// What makes ES256 and RS256 fast is in internal/fastsig, which knows the two equations and nothing of tokens.
//
// It leaves to others where sealed keys are stored (registry), when a token is issued and with which claims (authz), and
// whether a verified token was revoked (denylist). A token that Verify accepts is authentic and current; nothing more. A
// Cache remembers that it is authentic, as long as its key is there, and looks each time whether it is current.
package keys
