// Command mock_server runs the whole of Gatehouse in one process, with demo data and nothing to set up: the
// authorization server and the gateway on SQLite in memory and an embedded Redis, and behind them a demo wallet, which is
// package lndhub and stands for lndhub.go: it checks logins and passwords, too, and has the login page of a host application.
// In front of them is a demo application to click through (package demoapp), whose link it prints first, then the demo users,
// clients and tokens.
//
// It owns the demo wallet, what host applications have beside it, the demo data and the tour, which is the same as commands, and
// leaves everything else to package app. It is for development: its secrets are printed, /admin is open on the public address,
// and all it knows is gone when it stops.
package main
