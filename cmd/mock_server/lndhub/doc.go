// Package lndhub stands in for lndhub.go: its HTTP API, v2 and the older one, on memory, with a Lightning node that is made
// up. It is the demo wallet of the mock server, and what tests have for an upstream and for sign-in.
//
// It behaves as the source of lndhub.go says (a0f7607), what is odd about it included: a payment goes on when its caller has
// gone, a keysend that failed is answered with 200, an invoice without an amount cannot be paid through v2, a refresh token
// passes as an access token, a payment hash that was tried twice is looked up at its first try. testdata/answers.json holds what it answers. It knows none of Gatehouse's packages, so that a
// mistake there does not hide in a mistake here.
//
// Invoices are BOLT 11 of the regression test network. Their signatures are made up.
//
// Left out are the web pages, webhooks, the limits of users' tokens (maxSendAmount and the others) and streams of invoices.
package lndhub
