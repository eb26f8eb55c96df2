package credential

import (
	"errors"
	"fmt"
	"time"

	"gatehouse/keys"
)

// The names of the credentials in the configuration.
const (
	LNDHub  = "lndhub"
	Forward = "forward"
	Headers = "headers"
	None    = "none"
)

// ErrNoUser is of a token that speaks for no user, where the credential is a user's.
var ErrNoUser = errors.New("credential: the token speaks for no user")

// Credential tells an upstream who the caller is. What the caller itself sent under the same names has to be removed: AppendQuery
// does that in the query, and Place.Field says which field it is. It is safe for concurrent use and does not block.
type Credential struct {
	maker maker
	in    Place
	// isOwn is that of MadeByGateway.
	isOwn bool
}

// maker is one kind of credential. Implementations are safe for concurrent use and do not block.
type maker interface {
	// append adds header lines for a verified token to dst, or what the credential's place says. An error leaves nothing to send.
	append(dst []byte, claims *keys.Claims, token []byte) ([]byte, error)
}

// Config is what a Credential is made from.
type Config struct {
	Name string
	In   Place
	// Secret is shared with lndhub.go, and Now the clock of what is signed with it; both are for LNDHub.
	Secret []byte
	Now    func() time.Time
}

// New makes what a route names. There is no default: sending a token to the wrong upstream gives it away.
func New(config Config) (*Credential, error) {
	c := &Credential{in: config.In}
	switch config.Name {
	case LNDHub:
		if len(config.Secret) == 0 {
			return nil, errors.New("credential lndhub needs jwt_secret")
		}
		c.maker, c.isOwn = newLNDHub(config.Secret, config.In, config.Now), true
	case Forward:
		c.maker = forward{config.In}
	case Headers:
		c.maker, c.isOwn = headers{}, true
	case None:
		c.maker = none{}
	case "":
		return nil, errors.New("no credential, want lndhub, forward, headers or none")
	default:
		return nil, fmt.Errorf("unknown credential %q, want lndhub, forward, headers or none", config.Name)
	}
	return c, nil
}

// Append makes the credential for a verified token, and adds it to dst. An error, which may be ErrNoUser, leaves nothing to send.
func (c *Credential) Append(dst []byte, claims *keys.Claims, token []byte) ([]byte, error) {
	return c.maker.append(dst, claims, token)
}

// MadeByGateway reports whether the credential is none that the caller has. A 401 of the upstream is then about the gateway, and not
// about the caller's token.
func (c *Credential) MadeByGateway() bool { return c.isOwn }

// AppendQuery adds to dst the query for the upstream, which begins with a question mark where it is not empty. Where the credential's
// place is a parameter, what Append made is the last one, if it made anything; what the caller sent under that name does not pass,
// and a query in which some programs would see the name and others not is ErrAmbiguousQuery. The rest is as it was, byte for byte.
func (c *Credential) AppendQuery(dst, query, made []byte) ([]byte, error) {
	if c.in.parameter == "" {
		return append(dst, query...), nil
	}
	return c.in.appendQuery(dst, query, made)
}

// AppendFields adds the header lines that Append made, unless they are none.
func (c *Credential) AppendFields(dst, made []byte) []byte {
	if c.in.parameter != "" {
		return dst
	}
	return append(dst, made...)
}

// Secret is what no field of an answer may hold: an upstream that answers with a redirect repeats the query. It is nil where there is
// nothing of that kind.
func (c *Credential) Secret(made []byte) []byte {
	if c.in.parameter == "" || len(made) <= len(c.in.before) {
		return nil
	}
	return made[len(c.in.before):]
}

// none is for upstreams that need not know the caller.
type none struct{}

var _ maker = none{}

func (none) append(dst []byte, _ *keys.Claims, _ []byte) ([]byte, error) { return dst, nil }

// forward is the caller's own token, for upstreams that verify it through the JWKS.
type forward struct{ in Place }

var _ maker = forward{}

func (c forward) append(dst []byte, _ *keys.Claims, token []byte) ([]byte, error) {
	dst = append(append(dst, c.in.before...), token...)
	return append(dst, c.in.after...), nil
}
