package config

import (
	"gatehouse/gateway"
	"gatehouse/gateway/resource"
)

// ProtectedResources are what tokens can be for: the issuer's own resource, and those of Resources. The error joins every problem.
func (c *Config) ProtectedResources() (*resource.Set, error) {
	return gateway.NewResources(c.Issuer, c.Brand.Name, c.Resources, c.Routes)
}

func (c *Config) checkResources(v *validation) {
	issuer := &validation{}
	if issuer.url("issuer", c.Issuer); len(issuer.problems) > 0 {
		return // which was said
	}
	_, err := c.ProtectedResources()
	v.err("resources", err)
}
