package authz

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatehouse/registry"
)

const (
	// quickReplay is how soon requests come that raced, or that a client repeats by itself.
	quickReplay = 10 * time.Second
	// maxReplays is how often a refresh token can be used again at most.
	maxReplays = 50
)

// refreshAnswer is the access token that a client gets for a refresh token. The same one is given again to a client that did
// not hear it: nobody gets many tokens for one.
type refreshAnswer struct {
	AccessToken string    `json:"access_token"`
	ExpiresAt   time.Time `json:"exp"`
}

// answerTo is what the registry keeps of the minted access token: sealed, so that only whoever has the presented refresh token
// and our secret can open it.
func (g *refreshGrant) answerTo(request fosite.AccessRequester, response fosite.AccessResponder) (registry.Answer, error) {
	s := sessionOf(request)
	plain, err := json.Marshal(refreshAnswer{response.GetAccessToken(), s.expiresAt})
	if err != nil {
		return registry.Answer{}, err
	}
	aead, err := g.answerSeal(s.presented)
	if err != nil {
		return registry.Answer{}, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	life := s.expiresAt.Sub(s.issuedAt)
	return registry.Answer{
		Sealed:        base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, nil)),
		For:           g.question(request),
		FreshUntil:    s.expiresAt.Add(-life / 10), // who gets it later had better get a new one
		AcceptedUntil: s.acceptedUntil(),
	}, nil
}

// question is what a client asks for with a refresh token: which scopes, where they are good, unless that is where they always were, and for
// which key. For another key, or for none, it is another question: the token that was given before would be of no use to the client, or
// of use to everybody.
func (g *refreshGrant) question(request fosite.AccessRequester) string {
	s := sessionOf(request)
	asked := strings.Join(request.GetGrantedScopes(), " ")
	if !slices.Equal(s.audience, []string{g.name}) {
		asked += ` "for" ` + strings.Join(s.audience, " ") // no scope has a quotation mark
	}
	if s.boundTo != "" {
		asked += ` "` + s.boundTo + `"`
	}
	return asked
}

// answerAgain gives the access token that was given before.
func (g *refreshGrant) answerAgain(request fosite.AccessRequester, response fosite.AccessResponder, sealed string) error {
	s := sessionOf(request)
	aead, err := g.answerSeal(s.presented)
	if err != nil {
		return err
	}
	text, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(text) < aead.NonceSize() {
		return errors.Join(errSealedAnswer, err)
	}
	plain, err := aead.Open(nil, text[:aead.NonceSize()], text[aead.NonceSize():], nil)
	if err != nil {
		return errSealedAnswer
	}
	var before refreshAnswer
	if err := json.Unmarshal(plain, &before); err != nil {
		return errSealedAnswer
	}
	s.expiresAt = before.ExpiresAt
	response.SetAccessToken(before.AccessToken)
	response.SetExpiresIn(before.ExpiresAt.Sub(g.now()).Truncate(time.Second))
	return nil
}

var errSealedAnswer = errors.New("the answer that is kept for a refresh token cannot be opened")

// answerSeal has a key that follows from the refresh token, of which only a hash is stored, and from our secret.
func (g *refreshGrant) answerSeal(refreshToken string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(refreshToken), g.refreshSecret, "gatehouse answer to a refresh token", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key of answer: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal answer: %w", err)
	}
	return cipher.NewGCM(block)
}

// noteReplay leaves a line for whoever looks for stolen refresh tokens.
func (g *refreshGrant) noteReplay(ctx context.Context, s *session, replay registry.Replay) {
	s.replayed = true
	g.log.WarnContext(ctx, "refresh token used again within its grace", "grant_id", s.grant.ID, "client_id", s.grant.ClientID,
		"times", replay.Count, "late", replay.Late)
}
