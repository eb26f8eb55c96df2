package payment

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Ledger keeps what users let clients spend. Implementations block for as long as ctx allows, and are safe for concurrent use.
type Ledger interface {
	// Reserve makes durable that a request is going to spend, before it is sent. The error may be a *BudgetExceededError or a
	// *SpentAlreadyError; any other says that nobody can be asked: it may be reserved or not.
	Reserve(ctx context.Context, h Hold) error
	// Settle says what became of it. Saying the same again changes nothing. ErrNoHold.
	Settle(ctx context.Context, id string, to Outcome) error
}

// ErrNoHold is the error of Ledger.Settle where nothing was reserved under that ID, or it was settled in another way.
var ErrNoHold = errors.New("gateway: no such hold")

// Hold is what a request is going to spend of a user's budget.
type Hold struct {
	ID                      string // new for each request
	Subject, ClientID, Unit string
	// Once names what may be paid once, such as a payment hash. Empty: it is not known.
	Once string
	// Route is the route's methods and path, Lookup how its upstream is asked what became of the request; empty: it cannot be.
	Route, Lookup string
	Amount        int64
	// Within is how long it can take until the outcome is known. After that somebody has to find it out.
	Within time.Duration
}

// Outcome is what became of a hold.
type Outcome struct {
	State State
	Cost  int64 // of what was posted, as the upstream says; it may exceed what was held
}

// State is what a hold has become.
type State string

// What a hold can become.
const (
	Posted State = "posted" // the upstream has executed it
	Voided State = "voided" // certainly it has not, and will not
	Unsure State = "unknown"
)

// BudgetExceededError says that a budget does not allow a payment. Nothing was reserved.
type BudgetExceededError struct {
	Unit string
	// Limit is for each window, Remaining what is left of it, MostAtOnce for each payment; -1: there is none.
	Limit, Remaining, MostAtOnce int64
	RenewsAt                     time.Time // zero: never
}

func (e *BudgetExceededError) Error() string {
	return fmt.Sprintf("gateway: more than the %d %s that are left of a budget", e.Remaining, e.Unit)
}

// SpentAlreadyError says that the same is being paid, or was. Nothing was reserved. State is held, unknown or posted.
type SpentAlreadyError struct{ State string }

func (e *SpentAlreadyError) Error() string { return "gateway: the same payment is " + e.State }
