package credential

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Hub is what is known of whether an lndhub.go accepts the gateway's credentials. It says the same, 401 and "bad auth", of a
// user who is suspended, deleted or unknown, of a credential that was signed with another secret, and while its database does
// not answer. The first meets one user, the others meet everybody: who is refused is refused for themselves, unless
// everybody different users were, one after another, and nobody was let in between. It is safe for concurrent use.
type Hub struct {
	refused atomic.Int32 // how many users there are, so that who is let in takes no lock
	mu      sync.Mutex
	users   []string // different ones who were refused since somebody was let in, at most everybody
}

const everybody = 3

// Refusal is what an lndhub.go means by a 401.
type Refusal uint8

const (
	// NotTheHubs is said by a proxy before it, or in words that are not known.
	NotTheHubs Refusal = iota
	// OfTheUser is about the user that the credential speaks for, as far as can be told.
	OfTheUser
	// OfEverybody is of a user who may be as good as the gateway's credential is bad.
	OfEverybody
)

// LetsIn notes that a credential was accepted.
func (h *Hub) LetsIn() {
	if h.refused.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users = h.users[:0]
	h.refused.Store(0)
}

// Refuses notes that a user's credential was not accepted, in the words of body, and says what that means.
func (h *Hub) Refuses(user string, body []byte) Refusal {
	var said refusalBody
	if json.Unmarshal(body, &said) != nil {
		return NotTheHubs
	}
	switch {
	case said.isSuspension():
		return OfTheUser
	case said != badAuth:
		return NotTheHubs
	case h.refuses(user):
		return OfTheUser
	}
	return OfEverybody
}

func (h *Hub) refuses(user string) (isOfTheUser bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.users) < everybody && !slices.Contains(h.users, user) {
		h.users = append(h.users, user)
		h.refused.Store(int32(len(h.users)))
	}
	return len(h.users) < everybody
}

// refusalBody is how lndhub.go refuses.
type refusalBody struct {
	Error   bool   `json:"error"`
	Code    int    `json:"code"`
	Message string `json:"message"`
}

var badAuth = refusalBody{Error: true, Code: 1, Message: "bad auth"}

// isSuspension holds for what lndhub.go says of an account at sign-in.
func (b *refusalBody) isSuspension() bool {
	return b.Error && strings.HasPrefix(b.Message, "Account has been suspended")
}
