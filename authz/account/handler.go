package account

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"gatehouse/authz/browser"
	"gatehouse/authz/budget"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

// Handler shows users what they have allowed, and changes it for them. It is safe for concurrent use.
type Handler struct {
	Pages    *browser.Pages
	Registry *registry.Registry
	Budgets  *budget.Ledger // required where there are Units
	Units    budget.Units
	Scopes   Scopes
	// Resources says where access is good, as users are told; none where it is good at the issuer's own alone, which granted has as "".
	Resources func(granted []string) []page.Resource
	// Authenticate finds out who sent a request that is no browser's. The error is one that the caller may see.
	Authenticate func(ctx context.Context, r *http.Request, body url.Values) (subject string, err error)
	// Disconnect takes back everything that the user gave the client, or with an empty clientID every client, and waits for the gateways.
	// ended is how many grants there were, also beside outbox.ErrUndelivered; unconfirmed is how many gateways may not know.
	Disconnect func(ctx context.Context, subject, clientID string) (ended, unconfirmed int, err error)
	Failures   endpoint.Failures
	Now        func() time.Time
}

// Scopes are what users are told of scopes.
type Scopes interface {
	// Shown is the sentence of a scope, for whoever reads a page.
	Shown(name string) page.Message
	// Describe pairs names with their sentences in English.
	Describe(names []string) map[string]string
}

// Routes are the pages of a user's account, and the same for programs.
func (h *Handler) Routes() endpoint.Routes {
	routes := endpoint.Routes{
		"/account":          {http.MethodGet: h.showAccount},
		browser.AccountPath: {http.MethodGet: h.showApplications},
		disconnectPath:      {http.MethodGet: h.showDisconnect, http.MethodPost: h.disconnectOnPage},

		"/clients":                   {http.MethodGet: h.handleConnections},
		"/clients/{clientId}":        {http.MethodDelete: h.handleDisconnect},
		"/clients/{clientId}/budget": {http.MethodPut: h.handleSetBudget},
	}
	if len(h.Units) > 0 {
		routes[budgetPath] = map[string]http.HandlerFunc{http.MethodGet: h.Pages.Handle(h.showBudget), http.MethodPost: h.Pages.Handle(h.changeBudget)}
		routes[paymentsPath] = map[string]http.HandlerFunc{http.MethodGet: h.Pages.Handle(h.showPayments)}
	}
	return routes
}

// showAccount leads to the first of a user's pages.
func (h *Handler) showAccount(w http.ResponseWriter, _ *http.Request) {
	h.Pages.SeeOther(w, browser.AccountPath)
}

// What names an application, and a unit, in queries and forms.
const (
	clientField = "client"
	unitField   = "unit"
)

// openConnection finds out whose account it is, and the application there. When it returns false it has answered.
func (h *Handler) openConnection(
	ctx context.Context, w http.ResponseWriter, r *http.Request, clientID string,
) (browser.Visitor, registry.Connection, bool) {
	v, connections, ok := h.openApplications(ctx, w, r)
	if !ok {
		return v, registry.Connection{}, false
	}
	at := slices.IndexFunc(connections, func(c registry.Connection) bool { return c.ClientID == clientID })
	if at < 0 { // it has gone already
		h.Pages.SeeOther(w, browser.AccountPath)
		return v, registry.Connection{}, false
	}
	return v, connections[at], true
}

// openApplications finds out whose account it is, and what has access to it. When it returns false it has answered.
func (h *Handler) openApplications(ctx context.Context, w http.ResponseWriter, r *http.Request) (browser.Visitor, []registry.Connection, bool) {
	v, ok := h.openAccount(ctx, w, r)
	if !ok {
		return v, nil, false
	}
	connections, err := h.Registry.ConnectionsOf(ctx, v.Session.Subject)
	if err != nil {
		h.Pages.Fail(w, r, err)
	}
	return v, connections, err == nil
}

// openAccount finds out whose account it is. When it returns false it has answered: whoever is not signed in is led there.
func (h *Handler) openAccount(ctx context.Context, w http.ResponseWriter, r *http.Request) (browser.Visitor, bool) {
	v, err := h.Pages.Visitor(ctx, r)
	switch {
	case err != nil:
		h.Pages.Fail(w, r, err)
	case !v.SignedIn:
		h.Pages.SeeOther(w, browser.SignInPath(""))
	}
	return v, err == nil && v.SignedIn
}
