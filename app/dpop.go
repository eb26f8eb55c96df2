package app

import (
	"context"

	"gatehouse/app/config"
	"gatehouse/denylist"
	"gatehouse/keys/dpop"
)

// gatewayURLs are those under which callers know the gateway: what the operator says, or what its resources are known by.
func (a *App) gatewayURLs() []string {
	if len(a.config.DPoP.URLs) > 0 {
		return a.config.DPoP.URLs
	}
	return a.resources.Prefixes()
}

// newProofs is what the token endpoint and the gateway hold DPoP proofs to: one Redis knows for all which were used, and what the
// nonces of now are.
func (a *App) newProofs(store *denylist.Store) *dpop.Checker {
	checker := &dpop.Checker{Verifier: dpop.Verifier{Ahead: a.config.ClockLeeway}, Uses: store}
	if a.config.DPoP.Nonce == config.NonceRequired {
		secrets := denylist.NewNonceSecrets(store)
		a.background("DPoP nonces", func(ctx context.Context) { secrets.Run(ctx, a.log) })
		checker.NonceRequired = true
		checker.Verifier.Nonces = &dpop.Nonces{Secret: secrets.At, Leeway: a.config.ClockLeeway}
	}
	return checker
}
