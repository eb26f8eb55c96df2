package app

import (
	"gatehouse/app/config"
	"gatehouse/authz"
)

// newRegistration is how applications register themselves; nil where they do not.
func (a *App) newRegistration() *authz.Registration {
	settings := a.config.Clients.Registration
	if settings.Mode == config.RegistrationOff {
		return nil
	}
	return &authz.Registration{Tokens: settings.Tokens(), Scopes: settings.Scopes, MaxUnused: settings.MaxUnused}
}
