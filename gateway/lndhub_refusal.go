package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse/gateway/internal/upstream"
)

// hub is what is known of whether an lndhub.go accepts the gateway's credentials. It says the same, 401 and "bad auth", of a
// user who is suspended, deleted or unknown, of a credential that was signed with another secret, and while its database does
// not answer. The first meets one user, the others meet everybody: who is refused is refused for themselves, unless
// everybody different users were, one after another, and nobody was let in between. It is safe for concurrent use.
type hub struct {
	refused atomic.Int32 // how many users there are, so that who is let in takes no lock
	mu      sync.Mutex
	users   []string // different ones who were refused since somebody was let in, at most everybody
}

const everybody = 3

// hubAt returns the lndhub.go of that origin, which routes with different settings share.
func (g *Gateway) hubAt(origin upstream.Origin) *hub {
	known := g.hubs[origin]
	if known == nil {
		known = new(hub)
		g.hubs[origin] = known
	}
	return known
}

// letsIn notes that a credential was accepted.
func (h *hub) letsIn() {
	if h.refused.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users = h.users[:0]
	h.refused.Store(0)
}

// refuses notes that a user's credential was not accepted, and reports whether that is about the user, as far as can be told.
func (h *hub) refuses(user string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.users) < everybody && !slices.Contains(h.users, user) {
		h.users = append(h.users, user)
		h.refused.Store(int32(len(h.users)))
	}
	return len(h.users) < everybody
}

// errRefusesEverybody is of a user who may be as good as the gateway's credential is bad.
var errRefusesEverybody = fmt.Errorf("%w, as to every user lately: its JWT_SECRET is not jwt_secret, or its database does not answer",
	errRefusedCredential)

// credentialRefused is what a 401 means for a credential that the gateway made.
func (g *Gateway) credentialRefused(r *request, to *rule, x upstream.Exchange) error {
	if to.hub == nil || !x.HasBody() {
		return errRefusedCredential
	}
	said, err := readLittle(x)
	switch {
	case err != nil:
		return err
	case saysSuspended(said):
	case !saysBadAuth(said):
		return errRefusedCredential
	case !to.hub.refuses(r.seen.Claims.Subject):
		return errRefusesEverybody
	}
	if times, due := to.upstream.userRefused.Due(); due {
		g.log.Info("lndhub.go refuses a user: suspended, deleted or unknown there", "route", to.name, "times", times, r.logged())
	}
	return errUserRefused
}

// hubRefusal is how lndhub.go refuses.
type hubRefusal struct {
	Error   bool   `json:"error"`
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func readHubRefusal(body []byte) (said hubRefusal) {
	if json.Unmarshal(body, &said) != nil {
		return hubRefusal{}
	}
	return said
}

func saysBadAuth(body []byte) bool {
	return readHubRefusal(body) == hubRefusal{Error: true, Code: 1, Message: "bad auth"}
}

// saysSuspended holds for what lndhub.go says of an account at sign-in.
func saysSuspended(body []byte) bool {
	said := readHubRefusal(body)
	return said.Error && strings.HasPrefix(said.Message, "Account has been suspended")
}

// longestRefusal is more than a refusal of lndhub.go has, in bytes.
const longestRefusal = 1 << 10

// readLittle returns the body of an answer; nothing of one that is longer than longestRefusal.
func readLittle(x upstream.Exchange) (body []byte, err error) {
	for len(body) <= longestRefusal {
		part, err := x.Take()
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		case len(part) == 0:
			if err := x.Await(); err != nil {
				return nil, err
			}
		}
		body = append(body, part...)
	}
	return nil, nil
}
