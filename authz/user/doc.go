// Package user finds out who a user is, by what a request brings as proof: a JWT of the host application (HostJWT), a login
// and a password that lndhub.go knows (LNDHub), or those of one configured user (Static). A Brake slows down who guesses
// passwords.
//
// It owns the ways of authentication, what each of them believes, and how fast it can be tried. It leaves to authz where in a request a proof is
// found, how a refusal is answered, and what a user who is known may do.
package user
