// Package account is what users see and change of what they have allowed: which applications have access, what these may spend and
// have spent. People have pages for it (applications.go, disconnect.go, budget.go, payments.go), programs the paths below /clients
// (connections.go, set_budget.go).
//
// It leaves to package browser who the visitor is, to package budget what a limit means, and to authz how a grant ends.
package account
