package app

import (
	"fmt"
	"net/netip"
	"time"

	"gatehouse/authz/client/document"
	"gatehouse/authz/user"
	"gatehouse/gateway"
)

// So many metadata documents are fetched at once for one address, and one more in each documentEvery. What is known is not fetched.
const (
	documentBurst = 60
	documentEvery = 10 * time.Second
)

// newDocuments finds the clients that come by themselves; nil where there are none.
func (a *App) newDocuments() (*document.Source, error) {
	settings := a.config.Clients.Documents
	if !settings.Enabled {
		return nil, nil
	}
	roots, err := settings.Fetching().Roots()
	if err != nil {
		return nil, fmt.Errorf("clients.documents.ca_file: %w", err)
	}
	allow, err := settings.Fetching().Allow()
	if err != nil {
		return nil, fmt.Errorf("clients.documents.allow_networks: %w", err)
	}
	pace := &user.Pace{Burst: documentBurst, Every: documentEvery}
	return document.New(document.Config{
		Scopes:  gateway.Scopes(a.config.Routes),
		Pace:    func(caller netip.Addr) error { return pace.Take(caller) },
		Refuse:  settings.Refuses,
		Allow:   allow,
		RootCAs: roots,
	})
}

// newClientKeys fetches the keys of clients that an operator has registered with a URL of theirs. Callers are not counted: they cannot
// choose what is fetched, nor how often.
func (a *App) newClientKeys() (*document.Source, error) {
	settings := a.config.Clients.Keys
	roots, err := settings.Roots()
	if err != nil {
		return nil, fmt.Errorf("clients.keys.ca_file: %w", err)
	}
	allow, err := settings.Allow()
	if err != nil {
		return nil, fmt.Errorf("clients.keys.allow_networks: %w", err)
	}
	return document.New(document.Config{Allow: allow, RootCAs: roots})
}
