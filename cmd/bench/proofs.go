package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"gatehouse/keys/dpop"
	"gatehouse/keys/jws"
	"gatehouse/keys/strictjson"
)

// proofURI is what proofs are for: contestants are told that it is theirs, wherever they listen.
const proofURI = tokenIssuer + "/balance"

// longestProving is how long a round with proofs can last, which are made before it: so the last of them is not too old when it is sent,
// also where it took as long to make them.
const longestProving = dpop.DefaultMaxAge / 3

// application is whoever has a user's tokens, and the key that they are bound to (RFC 9449).
type application struct {
	key        *ecdsa.PrivateKey
	header     string // of its proofs, encoded
	thumbprint string
}

func newApplication() (*application, error) {
	a := &application{}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	public, err := jwk.FromRaw(a.key.Public())
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(public)
	if err != nil {
		return nil, err
	}
	members, err := strictjson.Parse(text)
	if err != nil {
		return nil, err
	}
	key, err := jws.ParseKey(members)
	a.header = encode([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":` + string(text) + "}"))
	a.thumbprint = key.Thumbprint
	return a, err
}

// proofClaims are those of a proof for a request with an access token.
type proofClaims struct {
	ID       string `json:"jti"`
	Method   string `json:"htm"`
	URI      string `json:"htu"`
	IssuedAt int64  `json:"iat"`
	Token    string `json:"ath"`
}

// prove makes a proof that was not used before. change may make it a bad one.
func (a *application) prove(token string, change func(*proofClaims)) (string, error) {
	sum := sha256.Sum256([]byte(token))
	claims := proofClaims{rand.Text(), "GET", proofURI, time.Now().Unix(), encode(sum[:])}
	if change != nil {
		change(&claims)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed := a.header + "." + encode(text)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, a.key, digest[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + encode(signature[:]), nil
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// credential is what a request shows: nothing, a token, or one with the proof that belongs to it.
type credential struct{ token, proof string }

// fields are those of a request's head.
func (c credential) fields() string {
	switch {
	case c.token == "":
		return ""
	case c.proof == "":
		return "Authorization: Bearer " + c.token + "\r\n"
	}
	return "Authorization: DPoP " + c.token + "\r\nDPoP: " + c.proof + "\r\n"
}

// prove makes a proof for each of n requests, which show the tokens in turn.
func (m *mint) prove(tokens []string, n int) ([]credential, error) {
	made := make([]credential, n)
	return made, onAllCores(n, func(i int) (err error) {
		at := i % len(tokens)
		made[i].token = tokens[at]
		made[i].proof, err = m.applicationOf(at).prove(tokens[at], nil)
		return err
	})
}

// bearers are the same without proofs.
func bearers(tokens []string) []credential {
	all := make([]credential, len(tokens))
	for i, token := range tokens {
		all[i].token = token
	}
	return all
}
