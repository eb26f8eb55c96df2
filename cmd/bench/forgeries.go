package main

import (
	"strings"
	"time"

	"gatehouse/keys"
)

// forgeries make requests that a contestant has to refuse, by what is wrong with them. Everything else about them is right: a token
// that is bound has its proof.
var forgeries = map[string]func(m *mint, kind Tokens) (credential, error){
	"no token": func(*mint, Tokens) (credential, error) { return credential{}, nil },
	"signature": func(m *mint, kind Tokens) (credential, error) {
		token, err := m.signChanged(kind, func(*claims) {})
		if err != nil {
			return credential{}, err
		}
		other, err := m.signChanged(kind, func(*claims) {})
		if err != nil {
			return credential{}, err
		}
		return m.show(kind, token[:strings.LastIndexByte(token, '.')]+other[strings.LastIndexByte(other, '.'):], nil)
	},
	"expired": withClaims(func(c *claims) {
		c.IssuedAt, c.ExpiresAt = time.Now().Add(-2*tokenLife).Unix(), time.Now().Add(-tokenLife).Unix()
	}),
	"issuer": withClaims(func(c *claims) { c.Issuer = "https://other.example" }),
	"scope":  withClaims(func(c *claims) { c.Scope = "invoices:read" }),

	// The rest is about tokens that are bound to a key.

	"no proof": func(m *mint, kind Tokens) (credential, error) {
		token, err := m.signChanged(kind, func(*claims) {})
		return credential{token: token}, err
	},
	// Every request is sent twice: see refuses.
	"proof used before": withProof(func(*proofClaims) {}),
	"proof's method":    withProof(func(c *proofClaims) { c.Method = "POST" }),
	"proof's URI":       withProof(func(c *proofClaims) { c.URI = tokenIssuer + "/other" }),
	"proof's time":      withProof(func(c *proofClaims) { c.IssuedAt -= 3600 }),
	"proof's token":     withProof(func(c *proofClaims) { c.Token = encode(make([]byte, 32)) }),
	"proof's key": func(m *mint, kind Tokens) (credential, error) {
		token, err := m.signChanged(kind, func(*claims) {})
		if err != nil {
			return credential{}, err
		}
		proof, err := m.applicationOf(1).prove(token, nil)
		return credential{token, proof}, err
	},
}

func withClaims(change func(*claims)) func(*mint, Tokens) (credential, error) {
	return func(m *mint, kind Tokens) (credential, error) {
		token, err := m.signChanged(kind, change)
		if err != nil {
			return credential{}, err
		}
		return m.show(kind, token, nil)
	}
}

func withProof(change func(*proofClaims)) func(*mint, Tokens) (credential, error) {
	return func(m *mint, kind Tokens) (credential, error) {
		token, err := m.signChanged(kind, func(*claims) {})
		if err != nil {
			return credential{}, err
		}
		return m.show(kind, token, change)
	}
}

// signChanged makes a token of the first application.
func (m *mint) signChanged(kind Tokens, change func(*claims)) (string, error) {
	c := m.claimsOf(kind, 0)
	change(&c)
	return m.keys[kind.Algorithm].Sign(keys.TypeAccessToken, c)
}

// show is a request of the first application.
func (m *mint) show(kind Tokens, token string, change func(*proofClaims)) (shown credential, err error) {
	shown.token = token
	if kind.Bound {
		shown.proof, err = m.applicationOf(0).prove(token, change)
	}
	return shown, err
}
