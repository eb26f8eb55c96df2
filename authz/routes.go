package authz

import (
	"maps"
	"net/http"

	"gatehouse/authz/browser"
	"gatehouse/authz/internal/endpoint"
)

// Public are the endpoints for clients and users. Everything else is 404.
func (s *Server) Public() http.Handler {
	public := s.publicRoutes()
	for _, methods := range public {
		for method, handle := range methods {
			methods[method] = func(w http.ResponseWriter, r *http.Request) { handle(w, browser.WithWish(r)) }
		}
	}
	return public.Handler(s.pages.Fail)
}

func (s *Server) publicRoutes() endpoint.Routes {
	public := endpoint.Routes{
		"/oauth/authorize":           {http.MethodGet: s.beginAuthorize, http.MethodPost: s.handleAuthorize},
		"/oauth/authorize/{request}": {http.MethodGet: s.showConsent, http.MethodPost: s.decide},
		"/oauth/par":                 {http.MethodPost: s.handlePush},
		"/oauth/token":               {http.MethodPost: s.handleToken},
		"/oauth/revoke":              {http.MethodPost: s.handleRevoke},
		"/oauth/introspect":          {http.MethodPost: s.handleIntrospect},
		"/oauth/token/introspect":    {http.MethodGet: s.handleIntrospectOwn},
		"/oauth/budget":              {http.MethodGet: s.handleOwnBudget},
		"/oauth/scopes":              {http.MethodGet: s.handleScopes},
		"/.well-known/jwks.json":     {http.MethodGet: s.handleJWKS},
	}
	maps.Copy(public, s.pages.Routes())
	maps.Copy(public, s.account.Routes())
	maps.Copy(public, s.signIn.Routes())
	if s.registering != nil {
		maps.Copy(public, s.registering.Routes())
	}
	for _, path := range MetadataPaths(s.issuer.name) {
		public[path] = map[string]http.HandlerFunc{http.MethodGet: s.handleMetadata}
	}
	return public
}

// Admin are the endpoints for the operator, to be served where only the operator can reach them.
func (s *Server) Admin() http.Handler { return s.admin.Handler() }
