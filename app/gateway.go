package app

import (
	"gatehouse/gateway"
	"gatehouse/keys"
)

// newGateway is the front of every role. Only a gateway's has routes.
func (a *App) newGateway(public keys.PublicKeys, denied revocations) (*gateway.Gateway, error) {
	config := gateway.Config{
		TrustedProxies: a.proxies,
		CORS:           a.config.CORS,
		Observer:       a.observer,
		Log:            a.log,
	}
	a.mountAuthz(&config)
	a.mountResources(&config)
	if !a.options.Role.HasGateway() {
		return gateway.New(config)
	}
	verifier, err := a.newVerifier(public)
	if err != nil {
		return nil, err
	}
	config.Routes = a.config.Routes
	config.Resources = a.resources
	config.Verifier = verifier
	config.Denylist = denied
	config.DPoP = gateway.DPoP{Proofs: a.proofs, URLs: a.gatewayURLs()}
	if a.config.Import.OpaqueTokens {
		config.OpaqueTokens, config.Issuer, config.OpaqueCache = denied, a.config.Issuer, a.config.TokenCache.Size
	}
	config.Uses = denied
	if config.Ledger, err = a.gatewayLedger(); err != nil {
		return nil, err
	}
	config.LedgerTimeout, config.OnSpent = a.config.Budgets.Timeout, a.observer.spent
	config.OnUnavailable = a.config.Denylist.OnUnavailable
	config.JWTSecret = []byte(a.config.JWTSecret.Reveal())
	config.TrustedProxyHeaders = a.config.TrustedProxyHeaders
	config.Via = a.config.Via
	config.MaxBody = a.config.Limits.BodySize
	config.Upstreams = a.config.Upstream
	if a.tracing != nil {
		config.Tracer = a.tracing
	}
	return gateway.New(config)
}

func (a *App) newVerifier(public keys.PublicKeys) (gateway.TokenVerifier, error) {
	verifier := &keys.Verifier{
		Issuer: a.config.Issuer, Audience: a.config.Issuer, OtherAudiences: a.otherAudiences(), Keys: public, Leeway: a.config.ClockLeeway,
	}
	if a.config.TokenCache.Size == 0 {
		return verifier, nil
	}
	cache, err := keys.NewCache(verifier, a.config.TokenCache.Size)
	if err != nil {
		return nil, err
	}
	a.onClose("token cache", cache.Close)
	a.metrics.watchTokenCache(cache)
	return cache, nil
}
