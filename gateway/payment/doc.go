// Package payment keeps what requests spend of users' budgets: what is asked of a Ledger before a request is sent, what an answer
// proves of it, and that the ledger is told, however the request ends.
//
// It owns the question to the ledger, here or elsewhere (RemoteLedger), how long a hold is good to be sent on, and the telling again
// of what the ledger could not be told. It leaves to others how much a request costs and what an answer means (internal/spend), who
// may spend, when a request is sent, and what a caller is told of a refusal.
package payment
