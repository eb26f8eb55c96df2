package app

import (
	"net/http"

	"gatehouse/authz"
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

// findResource is resource.Set.Find in the words of authz.
func (a *App) findResource(indicator string) (authz.Resource, bool) {
	found, ok := a.resources.Find(indicator)
	return authz.Resource{URL: found.URL, Name: found.Name}, ok
}

// publishedResources are all of them; none where there is only the issuer's own.
func (a *App) publishedResources() []string {
	others := a.otherAudiences()
	if len(others) == 0 {
		return nil
	}
	return append([]string{a.config.Issuer}, others...)
}
