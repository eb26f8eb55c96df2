package registration

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/outbox"
	"gatehouse/authz/user"
	"gatehouse/registry"
)

// Path is where clients register. What one has registered is below it, at its client_id.
const Path = "/oauth/register"

// Handler registers clients. It is safe for concurrent use.
type Handler struct {
	Issuer   string
	Registry *registry.Registry
	Relay    *outbox.Relay
	// Tokens are the initial access tokens, of which a request has to have one (RFC 7591 section 3); none: anybody may register.
	Tokens []string
	// Scopes are those that such a client can have, with their descriptions.
	Scopes map[string]string
	// AllScopes says that these are all that there are, also when there will be others.
	AllScopes bool
	// TakesProofs says that tokens can be bound to a key.
	TakesProofs bool
	// TakesKeys says that clients can sign who they are, and FetchesKeys that the keys of strangers may be at a URL of theirs.
	TakesKeys, FetchesKeys bool
	// MaxUnused is how many of them no user has allowed anything, at most. KeepUnused is how long each is kept without a grant.
	MaxUnused  int
	KeepUnused time.Duration
	// Caller is where a request comes from. Each bounds how often one address registers and changes clients, All how often all
	// together register any.
	Caller    func(*http.Request) netip.Addr
	Each, All *user.Pace
	Failures  endpoint.Failures
	Log       *slog.Logger
	Now       func() time.Time
}

// Routes are the endpoints.
func (h *Handler) Routes() endpoint.Routes {
	return endpoint.Routes{
		Path:                  {http.MethodPost: h.register},
		Path + "/{client_id}": {http.MethodGet: h.show, http.MethodPut: h.change, http.MethodDelete: h.remove},
	}
}

// register is the client registration endpoint (RFC 7591 section 3.1).
func (h *Handler) register(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	if err := h.admit(r); err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	said, err := readObject(w, r)
	if err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	registered, err := h.create(ctx, said)
	if err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	h.Log.InfoContext(ctx, "client has registered itself", slog.String("client_id", registered.ID))
	endpoint.WriteJSON(w, http.StatusCreated, registered)
}

// errFull tells when it may be otherwise: those that no user has allowed anything give way after an hour.
var errFull = fosite.ErrTemporarilyUnavailable.WithWrap(&user.BrakedError{RetryAfter: 10 * time.Minute}).
	WithHint("Too many clients have registered lately that no user has allowed anything. Try again later.")

func (h *Handler) create(ctx context.Context, said object) (answer, error) {
	settings, about, err := h.read(said, client.NewID())
	if err != nil {
		return answer{}, err
	}
	c, secret, err := settings.New()
	if err != nil {
		return answer{}, err
	}
	now := h.Now()
	c.Fingerprint = about.fingerprintOf(c)
	c.CreatedAt, c.KeptUntil = now, now.Add(h.KeepUnused)
	token := client.NewSecret()
	err = h.Registry.Register(ctx, c, registry.Registration{TokenHash: text.HashToken(token), Metadata: about.stored()}, h.MaxUnused)
	if errors.Is(err, registry.ErrNoRoom) {
		err = errFull
	}
	if err != nil {
		return answer{}, err
	}
	a := h.answerOf(c, about, token)
	a.Secret = secret
	return a, nil
}
