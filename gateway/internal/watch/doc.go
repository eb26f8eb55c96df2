// Package watch ends what stays open under a token when the token is no longer good: WebSockets, answers that are passed on
// as they arrive, uploads.
//
// One goroutine looks at all of them four times a second: which tokens have expired or lost their key, and, asked together,
// which were revoked. A goroutine and a round trip for each would cost as much as a thing that is open is supposed to save.
//
// It leaves to what is open how it ends, and how its ends are told.
package watch
