package main

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"golang.org/x/sync/errgroup"

	"gatehouse/keys"
)

const (
	tokenIssuer = "https://gatehouse.example"
	tokenScope  = "balance:read"
	tokenLife   = 6 * time.Hour
	// subjects is how many users the tokens are of.
	subjects = 1000
)

// mint signs the tokens of the bench, with one key for each algorithm.
type mint struct {
	ring *keys.Ring
	keys map[string]*keys.Key
	// applications are one for each user: they hold the keys that tokens may be bound to.
	applications []*application
}

func newMint() (*mint, error) {
	m := &mint{keys: map[string]*keys.Key{}}
	for _, algorithm := range []string{keys.ES256, keys.RS256} {
		key, err := keys.Generate(algorithm)
		if err != nil {
			return nil, err
		}
		m.keys[algorithm] = key
	}
	for range subjects {
		a, err := newApplication()
		if err != nil {
			return nil, err
		}
		m.applications = append(m.applications, a)
	}
	var err error
	m.ring, err = keys.NewRing(m.keys[keys.ES256], m.keys[keys.RS256])
	return m, err
}

// applicationOf is the one that the nth token is of.
func (m *mint) applicationOf(n int) *application { return m.applications[n%subjects] }

// writePublic writes the public key of an algorithm as PEM and returns the file's name.
func (m *mint) writePublic(dir, algorithm string) (string, error) {
	document, _ := m.ring.JWKS()
	set, err := jwk.Parse(document)
	if err != nil {
		return "", err
	}
	key, found := set.LookupKeyID(m.keys[algorithm].ID())
	if !found {
		return "", fmt.Errorf("the JWKS has no %s key", algorithm)
	}
	var public any
	if err := key.Raw(&public); err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, strings.ToLower(algorithm)+".pem")
	return file, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644)
}

// claims are those of an access token of Gatehouse.
type claims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	ClientID  string `json:"client_id"`
	Scope     string `json:"scope"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	ID        string `json:"jti"`
	GrantID   string `json:"grant_id"`
	BoundTo   *bound `json:"cnf,omitempty"`
}

// bound names the key that a token is bound to.
type bound struct {
	Thumbprint string `json:"jkt"`
}

func newClaims(n int) claims {
	now := time.Now()
	return claims{
		Issuer: tokenIssuer, Audience: tokenIssuer,
		Subject:  strconv.Itoa(1 + n%subjects),
		ClientID: "c2f6b4a8-5a3e-4e0b-9d83-0d9f6c1e7a52",
		Scope:    tokenScope + " invoices:read",
		IssuedAt: now.Unix(), ExpiresAt: now.Add(tokenLife).Unix(),
		ID: rand.Text(), GrantID: rand.Text(),
	}
}

// claimsOf are those of the nth token of a kind.
func (m *mint) claimsOf(kind Tokens, n int) claims {
	c := newClaims(n)
	if kind.Bound {
		c.BoundTo = &bound{m.applicationOf(n).thumbprint}
	}
	return c
}

// sign makes n tokens of a kind, no two of them the same.
func (m *mint) sign(kind Tokens, n int) ([]string, error) {
	tokens := make([]string, n)
	return tokens, onAllCores(n, func(i int) (err error) {
		tokens[i], err = m.keys[kind.Algorithm].Sign(keys.TypeAccessToken, m.claimsOf(kind, i))
		return err
	})
}

// onAllCores does n things.
func onAllCores(n int, do func(int) error) error {
	var group errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		group.Go(func() error {
			for i := worker; i < n; i += workers {
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
