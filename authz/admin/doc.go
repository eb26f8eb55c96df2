// Package admin is what an administrator can do: Operator, the same for the command line and for the admin API, and API, which is
// that over HTTP.
//
// It owns that every change is recorded and who made it, what may be changed of clients, keys, budgets and payments, what is
// revoked when (operator_revoke.go), how oauth2server's clients and grants are taken over (import.go), and who may use the API
// (guard.go). It leaves to client, keyring and budget what can be, to outbox that a revocation reaches the gateways, to
// oauth2server how that database is read, and to registry what is durable.
package admin
