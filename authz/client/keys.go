package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/keys/jws"
	"gatehouse/keys/strictjson"
	"gatehouse/registry"
)

// maxKeySet is the most bytes that a key set can have.
const maxKeySet = 64 << 10

// ErrKeysSecret is what is wrong with a secret for a client that has keys.
var ErrKeysSecret = errors.New("a client with keys has no secret")

// ParseKeys reads the JSON Web Key Set of a client. Keys that cannot be used here are passed over: none may be left.
func ParseKeys(text []byte) ([]jws.Key, error) {
	if len(text) > maxKeySet {
		return nil, fmt.Errorf("it is larger than %d bytes", maxKeySet)
	}
	set, err := strictjson.Parse(text)
	if err != nil {
		return nil, err
	}
	return jws.ParseSet(set)
}

// addKeys refuses keys that could never be used.
func (p *problems) addKeys(set, url string) {
	if set != "" && url != "" {
		p.add("JWKS: there is also a JWKS URI")
	}
	if set != "" {
		if err := checkKeys(set); err != nil {
			p.add("JWKS: %w", err)
		}
	}
	if url != "" {
		if _, err := ParseFetchURL(url); err != nil {
			p.add("JWKS URI: %w", err)
		}
	}
}

func checkKeys(set string) error {
	keys, err := ParseKeys([]byte(set))
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return errors.New("none of its keys can be used here: EC with P-256, OKP with Ed25519, or RSA of 2048 to 4096 bits")
	}
	for i, key := range keys {
		if slices.ContainsFunc(keys[:i], func(before jws.Key) bool { return isLike(before, key) }) {
			return errors.New("several of its keys have the same kid, or none, and cannot be told apart")
		}
	}
	return nil
}

// addSigningAlg refuses an algorithm that none of the keys could be used with.
func (p *problems) addSigningAlg(s Settings) {
	switch {
	case s.SigningAlg == "":
	case !s.registered().HasKeys():
		p.add("signing algorithm: the client has no keys")
	case !slices.Contains(jws.Algorithms(), s.SigningAlg):
		p.add("signing algorithm: it is not one of %s", strings.Join(jws.Algorithms(), ", "))
	case s.Keys != "":
		keys, err := ParseKeys([]byte(s.Keys)) // what is wrong with them is said elsewhere
		if err == nil && !slices.ContainsFunc(keys, func(k jws.Key) bool { return k.Fits(s.SigningAlg) }) {
			p.add("signing algorithm: none of the keys is one for %s", s.SigningAlg)
		}
	}
}

// isLike holds for keys of which nobody can say which one has signed.
func isLike(a, b jws.Key) bool {
	return a.ID == b.ID && slices.ContainsFunc(jws.Algorithms(), func(alg string) bool { return a.Fits(alg) && b.Fits(alg) })
}

// addOneProof holds a client to one way of proving who it is.
func (p *problems) addOneProof(s Settings) {
	switch hasKeys := s.registered().HasKeys(); {
	case hasKeys && s.Public:
		p.add("JWKS: a public client has no keys")
	case hasKeys && s.Secret != "":
		p.add("secret: %w", ErrKeysSecret)
	}
}

// setKeys gives a client other keys, instead of those or the secret that it has, which are void at once.
func (p *problems) setKeys(to *registry.Client, set, url *string) {
	if set == nil && url == nil {
		return
	}
	var keys, at string
	given(set, func(text string) { keys = text })
	given(url, func(text string) { at = text })
	switch {
	case to.Public:
		p.add("JWKS: a public client has no keys")
	case keys == "" && at == "":
		p.add("JWKS: a client cannot be left without its keys")
	default:
		to.Keys, to.KeysURL, to.SecretHash = keys, at, ""
	}
}
