package app

import (
	"net/http"

	"gatehouse/gateway"
	"gatehouse/gateway/resource"
)

// mountResources publishes the resources, in every role: a proxy may send what is well known to an authorization server on its own, or
// to a gateway.
func (a *App) mountResources(config *gateway.Config) {
	documents := http.NewServeMux() // which has patterns, that requests are counted by
	handler := a.resources.Handler(a.config.Keys.JWKSMaxAge)
	documents.Handle(resource.WellKnown, handler)
	documents.Handle(resource.WellKnown+"/", handler)
	config.ResourceMetadata = a.mount(documents)
}

// otherAudiences are those of tokens that pass here besides the issuer's.
func (a *App) otherAudiences() (others []string) {
	for _, r := range a.resources.All() {
		if !r.IsIssuers {
			others = append(others, r.URL)
		}
	}
	return others
}
