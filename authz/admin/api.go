package admin

import (
	"net"
	"net/http"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/keys"
)

// API is what an Operator can do, over HTTP, to be served where only the operator can reach it. Its handler is safe for concurrent
// use as long as the fields are not changed.
type API struct {
	// Operator is whom each request becomes, with the address that it came from as Actor.
	Operator Operator
	// Token is the bearer token that is asked for; empty leaves the API open to whoever reaches it from localhost.
	Token string
	// IgnoreUnknownFields ignores fields of a client that are not known, or that do not change, as oauth2server did.
	IgnoreUnknownFields bool
	// Verifier says whether an access token that is to be revoked is one that some gateway may still let pass.
	Verifier *keys.Verifier
	// Failures answers requests that failed, Lost those for which there is no path or no method: a person may have come by.
	Failures endpoint.Failures
	Lost     func(http.ResponseWriter, *http.Request, error)
}

// Handler serves the API. Everything else is 404.
func (a *API) Handler() http.Handler {
	return a.guard(endpoint.Routes{
		"/admin/clients":                   {http.MethodGet: a.listClients, http.MethodPost: a.createClient},
		"/admin/clients/{clientId}":        {http.MethodGet: a.showClient, http.MethodPut: a.updateClient, http.MethodDelete: a.deleteClient},
		"/admin/clients/{clientId}/secret": {http.MethodPost: a.rotateSecret},
		"/admin/revocations":               {http.MethodPost: a.revoke},
		"/admin/budgets":                   {http.MethodGet: a.listBudgets, http.MethodPut: a.setBudget},
		"/admin/spends":                    {http.MethodGet: a.listSpends},
		"/admin/spends/{id}/resolve":       {http.MethodPost: a.resolveSpend},
		"/admin/keys":                      {http.MethodGet: a.listKeys},
		"/admin/keys/rotate":               {http.MethodPost: a.rotateKeys},
		"/admin/keys/{kid}/revoke":         {http.MethodPost: a.revokeKey},
	}.Handler(a.Lost))
}

// operator is who sent the request: every change is recorded under the address that it came from.
func (a *API) operator(r *http.Request) *Operator {
	operator := a.Operator
	operator.Actor = "admin " + remoteHost(r)
	return &operator
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
