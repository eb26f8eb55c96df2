// Package fastsig verifies ES256 and RS256 signatures in less time than the standard library, which has to be ready for a
// key that it has never seen: here, what depends on the key alone is computed once. It gives the answers of crypto/ecdsa
// and crypto/rsa, and the tests hold it to them.
//
// It owns the two equations, the table of a P-256 key's multiples and the prepared RSA modulus. Points and big numbers are
// those of filippo.io/nistec and filippo.io/bigmod, which are the standard library's own code, exported. It leaves to keys
// which keys are trusted, which of them are worth a table, what is hashed, and which spelling of a signature is canonical.
//
// Everything here is public: nothing runs in constant time, and nothing of it may be used with a private key. In FIPS 140
// mode, where only the standard library's code is validated, it makes no tables and leaves RSA to crypto/rsa.
package fastsig
