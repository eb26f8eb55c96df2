package payment

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/internal/panics"
	"gatehouse/gateway/internal/spend"
)

// Terms are what a route says of what its requests spend.
type Terms struct {
	Route   string // its methods and path
	Index   int    // of the route, for Spent
	Unit    string
	Costs   *spend.Reader
	Answers *spend.Answers
	Lookup  *spend.Lookup // nil: none
	// Within is how long it can take until an outcome is known, SentWithin until the request was sent: then enough is left.
	Within, SentWithin time.Duration
}

// Payment is what a request spends, from when it was read until it is known what became of it. A request that spends nothing has
// none, of which its methods may be called. It is one request's, and not for concurrent use.
type Payment struct {
	book   *Book
	terms  *Terms
	id     string
	logged slog.Attr // names its request
	cost   spend.Cost
	asked  time.Time // when the ledger was asked; zero: it was not, or has refused
	since  time.Time // the same by the gateway's clock, which moves while a machine sleeps
	isHeld bool      // as the ledger has said
	isLate bool      // it took its time to

	isJudged bool
	verdict  spend.Verdict
	executed int64
}

// Begin reads what a request costs. logged names the request in the log. The error says what is wrong, and quotes nothing of the
// request.
func (b *Book) Begin(terms *Terms, request *spend.Request, logged slog.Attr) (*Payment, error) {
	cost, err := terms.Costs.Read(request)
	if err != nil {
		b.refused(terms, Unreadable)
		return nil, err
	}
	return &Payment{book: b, terms: terms, id: rand.Text(), logged: logged, cost: cost}, nil
}

// ErrUnavailable says that nobody can tell whether a budget allows a payment.
var ErrUnavailable = errors.New("payment: the ledger of budgets cannot be asked")

// Reserve asks the ledger to hold what the request costs, of which nothing was sent yet. It blocks for as long as the ledger may take
// to answer. The error is a *BudgetExceededError, a *SpentAlreadyError or ErrUnavailable.
func (p *Payment) Reserve(subject, clientID string) error {
	b := p.book
	ctx, cancel := context.WithTimeout(context.Background(), b.timeout)
	defer cancel()
	p.asked, p.since = time.Now(), b.now()
	err := b.ledger.Reserve(ctx, Hold{
		ID: p.id, Subject: subject, ClientID: clientID, Unit: p.terms.Unit,
		Once: p.once(), Route: p.terms.Route, Lookup: p.lookup(), Amount: p.cost.Amount, Within: p.terms.Within,
	})
	switch {
	case err == nil:
		p.isHeld, p.isLate = true, time.Since(p.asked) > promptReserve
		return nil
	case errors.As(err, new(*BudgetExceededError)):
		b.refused(p.terms, BudgetExceeded)
		p.asked = time.Time{}
		return err
	case errors.As(err, new(*SpentAlreadyError)):
		b.refused(p.terms, SpentAlready)
		p.asked = time.Time{}
		return err
	}
	b.refused(p.terms, BudgetUnavailable)
	if times, due := b.unavailable.Due(); due {
		b.log.Warn("refused: the ledger of budgets cannot be asked", "route", p.terms.Route, "error", err, "times", times, p.logged)
	}
	return ErrUnavailable
}

// promptReserve is how long a reservation may take to be no wait, after which the request is authorized again.
const promptReserve = 50 * time.Millisecond

// Cost is the most that the request costs.
func (p *Payment) Cost() int64 { return p.cost.Amount }

// WasLate reports whether the ledger took so long that what was checked before may no longer hold.
func (p *Payment) WasLate() bool { return p != nil && p.isLate }

// MayBeSent returns ErrUnavailable for a request that was held back for so long, as in a process that was stopped, that others may
// soon find out that it was not executed.
func (p *Payment) MayBeSent() error {
	if p == nil {
		return nil
	}
	if took := max(time.Since(p.asked), p.book.now().Sub(p.since)); took > p.terms.SentWithin {
		p.book.log.Warn("refused: too late to be sent, after it was held in a budget", "route", p.terms.Route, "spend", p.id, "after", took)
		return ErrUnavailable
	}
	return nil
}

// once is what may be paid once. A key in a header belongs to the route, a payment hash to whatever pays it.
func (p *Payment) once() string {
	if p.cost.Key == "" || p.cost.IsGlobal {
		return p.cost.Key
	}
	return p.terms.Route + " " + p.cost.Key
}

// lookup is what ParseLookup reads: the key, and where the upstream refuses the request after a time, that.
func (p *Payment) lookup() string {
	switch {
	case p.terms.Lookup == nil || p.cost.Key == "":
		return ""
	case p.cost.Until.IsZero():
		return p.cost.Key
	}
	return p.cost.Key + " " + strconv.FormatInt(p.cost.Until.Unix(), 10)
}

// ParseLookup reads the Lookup of a Hold: by what its upstream knows the request, and after when it refuses it; zero: never.
func ParseLookup(text string) (key string, until time.Time, err error) {
	key, seconds, ok := strings.Cut(text, " ")
	if !ok {
		return key, time.Time{}, nil
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("gateway: no lookup: %w", err)
	}
	return key, time.Unix(at, 0), nil
}

// JudgeStatus notes what the head of an answer proves by itself.
func (p *Payment) JudgeStatus(status int) {
	if p != nil && !p.terms.Answers.NeedsBody(status) {
		p.Judge(status, nil)
	}
}

// NeedsBody reports whether the body of an answer with that status tells what became of the request.
func (p *Payment) NeedsBody(status int) bool { return p != nil && p.terms.Answers.NeedsBody(status) }

// Judge notes what a whole answer proves.
func (p *Payment) Judge(status int, body []byte) {
	p.verdict, p.executed = p.terms.Answers.Judge(status, body, p.cost.Amount)
	p.isJudged = true
}

// outcome is what became of it. wasSent says that the upstream may have got any of the request.
func (p *Payment) outcome(wasSent bool) Outcome {
	switch {
	case !wasSent:
		return Outcome{State: Voided}
	case !p.isJudged || p.verdict == spend.Unknown:
		return Outcome{State: Unsure}
	case p.verdict == spend.NotExecuted:
		return Outcome{State: Voided}
	}
	return Outcome{State: Posted, Cost: p.executed}
}

// Settle tells the ledger what became of the payment, before its caller hears of it. It is called once, when forwarding has ended,
// however it did. wasSent says that the upstream may have got any of the request. It blocks for as long as the ledger may take to
// answer; what cannot be told by then is told in the background.
func (p *Payment) Settle(wasSent bool) {
	if p == nil || p.asked.IsZero() {
		return
	}
	b := p.book
	if !p.isHeld { // the answer was lost, and so may the hold be; nothing was sent
		b.later(p, Outcome{State: Voided})
		return
	}
	to := p.outcome(wasSent)
	b.spent(Spent{Route: p.terms.Index, Outcome: outcomes[to.State], Held: p.cost.Amount, Cost: to.Cost})
	err := panics.Do(func() {
		if err := b.tell(p, to); err != nil {
			b.failedOnce(p, to, err)
		}
	})
	if err != nil {
		b.panicked(err, p.terms.Route, p.logged)
		b.later(p, to)
	}
}

var outcomes = map[State]SpendOutcome{Posted: SpendPosted, Voided: SpendVoided, Unsure: SpendUnknown}
