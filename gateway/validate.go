package gateway

import (
	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/upstream"
)

// Validate returns the error that New would return for these routes. jwtSecret may be any that is not empty where only
// its presence is known. Files that are named are read.
func Validate(routes []Route, upstreams Upstreams, jwtSecret []byte) error {
	upstreams.SetDefaults()
	config := Config{JWTSecret: jwtSecret, OnUnavailable: Deny, Upstreams: upstreams}
	g := &Gateway{destinations: make(map[shared]*destination), hubs: make(map[upstream.Origin]*credential.Hub)}
	_, err := g.compile(routes, &config)
	return err
}

// ValidateTrustedProxyHeaders joins what is wrong with each name.
func ValidateTrustedProxyHeaders(names []string) error { return header.ValidateFromProxies(names) }

// ValidateVia tells what is wrong with a name for Via.
func ValidateVia(name string) error { return header.ValidateVia(name) }
