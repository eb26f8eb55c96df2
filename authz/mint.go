package authz

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/token/jwt"

	"gatehouse/keys"
	"gatehouse/registry"
)

// session says what an access token is about. It lives as long as one request and is never stored.
type session struct {
	subject   string
	clientID  string
	issuedAt  time.Time
	expiresAt time.Time
	// grant is what the token is minted under; without ID for client_credentials.
	grant registry.Grant
	// presented is the code or refresh token that the client exchanges.
	presented string
}

var _ oauth2.JWTSessionContainer = (*session)(nil)

// GetJWTClaims returns claims with a jti of their own each time, so that no two tokens share one.
func (s *session) GetJWTClaims() jwt.JWTClaimsContainer {
	extra := map[string]any{"client_id": s.clientID}
	if s.grant.ID != "" {
		extra["grant_id"] = s.grant.ID
	}
	return &jwt.JWTClaims{Subject: s.subject, JTI: rand.Text(), IssuedAt: s.issuedAt, Extra: extra}
}

func (s *session) GetJWTHeader() *jwt.Headers {
	return &jwt.Headers{Extra: map[string]any{"typ": keys.TypeAccessToken}}
}

func (s *session) SetExpiresAt(kind fosite.TokenType, at time.Time) {
	if kind == fosite.AccessToken {
		s.expiresAt = at
	}
}

func (s *session) GetExpiresAt(kind fosite.TokenType) time.Time {
	if kind == fosite.AccessToken {
		return s.expiresAt
	}
	return time.Time{}
}

// acceptedUntil is when the last gateway refuses the token by itself: its clock may be behind ours.
func (s *session) acceptedUntil() time.Time { return s.expiresAt.Add(ClockSkew) }

func (s *session) GetUsername() string { return "" }
func (s *session) GetSubject() string  { return s.subject }

func (s *session) Clone() fosite.Session {
	clone := *s
	return &clone
}

// signer lets fosite sign with whatever key the ring signs with now.
type signer struct {
	ring *keys.Ring
}

var _ jwt.Signer = signer{}

var errSignerOnlySigns = errors.New("access tokens are verified by keys.Verifier, not by fosite")

func (s signer) Generate(_ context.Context, claims jwt.MapClaims, header jwt.Mapper) (token, signature string, err error) {
	typ, _ := header.ToMap()["typ"].(string)
	token, err = s.ring.Signing().Sign(typ, claims)
	return token, "", err
}

func (signer) Validate(context.Context, string) (string, error)     { return "", errSignerOnlySigns }
func (signer) Hash(context.Context, []byte) ([]byte, error)         { return nil, errSignerOnlySigns }
func (signer) Decode(context.Context, string) (*jwt.Token, error)   { return nil, errSignerOnlySigns }
func (signer) GetSignature(context.Context, string) (string, error) { return "", errSignerOnlySigns }
func (signer) GetSigningMethodLength(context.Context) int           { return 0 }

// issuer turns what a client may have into tokens. All grants share one.
type issuer struct {
	name     string
	registry *registry.Registry
	relay    *Relay
	strategy oauth2.AccessTokenStrategy

	codeLifespan      time.Duration
	accessLifespan    time.Duration
	maxAccessLifespan time.Duration
	refreshLifespan   time.Duration
	refreshGrace      time.Duration
	refreshSecret     []byte
	now               func() time.Time
	log               *slog.Logger
}

// prepare fixes when the access token begins and ends, in whole seconds as its claims are. lifespan 0 is the default; a
// maximum that was lowered since the grant was made holds for it too.
func (i *issuer) prepare(s *session, lifespan time.Duration) {
	if lifespan == 0 {
		lifespan = i.accessLifespan
	}
	s.issuedAt = i.now().UTC().Truncate(time.Second)
	s.expiresAt = s.issuedAt.Add(min(lifespan, i.maxAccessLifespan))
}

// mint signs the access token (RFC 9068) and puts it into the answer. Callers mint before they spend what the client
// presented: a token that is not handed out does no harm, but a code that was spent for nothing cannot be had again.
func (i *issuer) mint(ctx context.Context, request fosite.AccessRequester, response fosite.AccessResponder) error {
	request.GrantAudience(i.name)
	token, _, err := i.strategy.GenerateAccessToken(ctx, request)
	if err != nil {
		return err
	}
	s := sessionOf(request)
	response.SetAccessToken(token)
	response.SetTokenType("Bearer")
	response.SetExpiresIn(s.expiresAt.Sub(s.issuedAt))
	response.SetScopes(request.GetGrantedScopes())
	return nil
}

// sessionOf is the session that handleToken gave the request.
func sessionOf(request fosite.Requester) *session {
	return request.GetSession().(*session)
}
