// Command mock_server runs the whole of Gatehouse in one process, with demo data and nothing to set up: the
// authorization server and the gateway on SQLite in memory and an embedded Redis, and behind them a demo wallet, which is
// package lndhub and stands for lndhub.go: it checks logins and passwords, too, and has the login page of a host application. It
// prints the demo users, clients and tokens, and commands to try.
//
// It owns the demo wallet, what host applications have beside it, the demo data and the printed tour, and leaves everything else to package app. It is for
// development: its secrets are printed, /admin is open on the public address, and all it knows is gone when it stops.
package main
