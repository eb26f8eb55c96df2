package lndhub

import (
	"net/http"
	"sync"
	"time"
)

// NodeKey is the public key of the node that all users of a Hub share.
const NodeKey = "02d3a1f7c5be4609ab1827c7e3d9f05b6c1487a2e9f03b5d7c61e8a4f2097b3d5e"

// Config is what a Hub is made from. What is zero is as in lndhub.go's own defaults.
type Config struct {
	// JWTSecret signs the tokens that /auth gives away, and verifies those that requests bring.
	JWTSecret []byte
	// AdminToken guards the creation of users, which is open without one, and PUT /v2/admin/users, which there is only with
	// one.
	AdminToken string
	// FeeReserve asks of a payer to have the ceiling of the routing fee as well.
	FeeReserve bool
	// ServiceFee is per mille of a payment, rounded up. One of up to NoServiceFeeUpTo costs none.
	ServiceFee, NoServiceFeeUpTo int64
	// MaxFee is the most that is ever reserved for a routing fee, in sat; 5000 when 0.
	MaxFee int64
	// RateLimit is how many requests an address has in a second, StrictRateLimit how many payments a user has; each 10 when
	// 0, and unlimited when negative.
	RateLimit, StrictRateLimit int

	// Unknown, when not nil, is asked about a user that a token names and the hub does not know. It returns false for
	// nobody. It is called with the hub locked.
	Unknown func(id int64) (user User, opening []Invoice, ok bool)
	// Pay makes a payment to another node and returns the routing fee, in sat. It may block as long as a node does, whether
	// or not the caller waits. When nil, each payment is made at once for 1 sat and 1 per mille.
	Pay func(payment Invoice) (fee int64, err error)
	// Book says whether the database is there when the node has made a payment or failed to. With an error the payment stays
	// Initialized until Restart, and the caller is told the error, whatever the node did. It is called with the hub locked; nil: it
	// always is.
	Book func(payment Invoice) error
	// Now is time.Now when nil.
	Now func() time.Time
}

// Hub is one lndhub.go. It serves HTTP; its other methods are for who sets it up. All are safe for concurrent use.
type Hub struct {
	config   Config
	routes   http.Handler
	requests *limiter // by address
	payments *limiter // by user

	mu       sync.Mutex
	users    map[int64]*account
	payable  map[string]*bill // by payment request
	troubles map[string]Trouble
	unbooked []func()
}

var _ http.Handler = (*Hub)(nil)

// New returns a hub without users.
func New(config Config) *Hub {
	if config.MaxFee == 0 {
		config.MaxFee = 5000
	}
	if config.Pay == nil {
		config.Pay = func(p Invoice) (int64, error) { return 1 + p.Amount/1000, nil }
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	h := &Hub{
		config:   config,
		requests: newLimiter(config.RateLimit, 0, config.Now),
		payments: newLimiter(config.StrictRateLimit, 1, config.Now),
		users:    map[int64]*account{},
		payable:  map[string]*bill{},
		troubles: map[string]Trouble{},
	}
	h.routes = h.newRoutes()
	return h
}

// now is as precise as Postgres keeps it.
func (h *Hub) now() time.Time { return h.config.Now().UTC().Truncate(time.Microsecond) }
