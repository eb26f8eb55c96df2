// Package user finds out who a user is, by what a request brings as proof: a JWT of the host application (HostJWT), a login
// and a password that lndhub.go knows (LNDHub), or those of one configured user (Static). A Brake slows down who guesses
// passwords. Sessions remember in which browser a user has signed in, so that the proof is brought once.
//
// It owns the ways of authentication, what each of them believes, how fast it can be tried, and how long it lasts. It leaves
// to authz where in a request a proof or a session is found, how a refusal is answered, and what a user who is known may do.
package user
