package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ParseTargets reads oauth2server's targets.json. Its upstreams are lndhub.go, so every route has the credential
// lndhub, and payments have PaymentTimeout. Unknown fields are refused: a misspelt allowPublicAccess must not pass unnoticed. What the routes say is
// checked by New.
func ParseTargets(data []byte) ([]Route, error) {
	var targets []struct {
		MatchRoute        string `json:"matchRoute"`
		Origin            string `json:"origin"`
		Description       string `json:"description"`
		Scope             string `json:"scope"`
		Method            string `json:"method"`
		AllowPublicAccess bool   `json:"allowPublicAccess"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&targets); err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("targets: there is more after the list of targets")
	}
	routes := make([]Route, len(targets))
	for i, t := range targets {
		routes[i] = Route{
			Path:        t.MatchRoute,
			Methods:     []string{t.Method},
			Origin:      t.Origin,
			Scope:       t.Scope,
			Description: t.Description,
			Credential:  credentialLNDHub,
			Public:      t.AllowPublicAccess,
		}
		if routes[i].IsPayment() {
			routes[i].FirstByteTimeout = PaymentTimeout
		}
	}
	return routes, nil
}
