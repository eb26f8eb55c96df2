package authz

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gatehouse/authz/keyring"
)

// Public are the endpoints for clients and users. Everything else is 404.
func (s *Server) Public() http.Handler { return s.serve(s.publicRoutes()) }

func (s *Server) publicRoutes() routes {
	public := routes{
		"/oauth/authorize":           {http.MethodGet: s.beginAuthorize, http.MethodPost: s.handleAuthorize},
		"/oauth/authorize/{request}": {http.MethodGet: s.showConsent, http.MethodPost: s.decide},
		"/oauth/token":               {http.MethodPost: s.handleToken},
		"/oauth/revoke":              {http.MethodPost: s.handleRevoke},
		"/oauth/introspect":          {http.MethodPost: s.handleIntrospect},
		"/oauth/token/introspect":    {http.MethodGet: s.handleIntrospectOwn},
		"/oauth/budget":              {http.MethodGet: s.handleOwnBudget},
		"/oauth/scopes":              {http.MethodGet: s.handleScopes},
		"/.well-known/jwks.json":     {http.MethodGet: s.handleJWKS},
		"/clients":                   {http.MethodGet: s.handleConnections},
		"/clients/{clientId}":        {http.MethodDelete: s.handleDisconnect},
		"/clients/{clientId}/budget": {http.MethodPut: s.handleSetBudget},
	}
	maps.Copy(public, s.pages())
	for _, path := range MetadataPaths(s.issuer.name) {
		public[path] = map[string]http.HandlerFunc{http.MethodGet: s.handleMetadata}
	}
	return public
}

// Admin are the endpoints for the operator, to be served where only the operator can reach them.
func (s *Server) Admin() http.Handler {
	return s.guardAdmin(s.serve(routes{
		"/admin/clients":                   {http.MethodGet: s.listClients, http.MethodPost: s.createClient},
		"/admin/clients/{clientId}":        {http.MethodGet: s.showClient, http.MethodPut: s.updateClient, http.MethodDelete: s.deleteClient},
		"/admin/clients/{clientId}/secret": {http.MethodPost: s.rotateSecret},
		"/admin/revocations":               {http.MethodPost: s.revokeAny},
		"/admin/budgets":                   {http.MethodGet: s.adminBudgets, http.MethodPut: s.adminSetBudget},
		"/admin/spends":                    {http.MethodGet: s.adminSpends},
		"/admin/spends/{id}/resolve":       {http.MethodPost: s.adminResolveSpend},
		"/admin/keys":                      {http.MethodGet: s.listKeys},
		"/admin/keys/rotate":               {http.MethodPost: s.rotateKeys},
		"/admin/keys/{kid}/revoke":         {http.MethodPost: s.revokeKey},
	}))
}

// routes are the handlers of each path, by method. GET answers HEAD too.
type routes map[string]map[string]http.HandlerFunc

func (s *Server) serve(all routes) http.Handler {
	mux := http.NewServeMux()
	for path, methods := range all {
		allowed := make([]string, 0, len(methods)+1)
		for method := range methods {
			allowed = append(allowed, method)
		}
		if get, ok := methods[http.MethodGet]; ok {
			methods[http.MethodHead] = get
			allowed = append(allowed, http.MethodHead)
		}
		slices.Sort(allowed)
		allow := strings.Join(allowed, ", ")
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if handle, ok := methods[r.Method]; ok {
				handle(w, withWish(r))
				return
			}
			w.Header().Set("Allow", allow)
			s.failPage(w, r, errMethodNotAllowed)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.failPage(w, r, errNotFound) })
	return mux
}

// deadline bounds a request. Nothing else ends it: what was begun, above all a revocation, is finished although the caller
// has hung up.
func deadline(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), keyring.RequestTimeout)
}
