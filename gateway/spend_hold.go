package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/spend"
	"gatehouse/gateway/internal/upstream"
)

// hold is what a request spends, from when it was read until it is known what became of it. A request that spends nothing has
// none, of which its methods may be called.
type hold struct {
	id     string
	to     *rule
	cost   spend.Cost
	asked  time.Time // when the ledger was asked; zero: not yet
	since  time.Time // the same by the gateway's clock, which moves while a machine sleeps
	isHeld bool      // as the ledger has said
	isLate bool      // it took its time to

	isJudged bool
	verdict  spend.Verdict
	executed int64
}

// beginSpending reads the whole body and what it costs, and puts what is sent into r.head: the bytes that were read, and no
// others, whatever their framing was.
func (r *request) beginSpending(g *Gateway, to *rule, from header.Peer) (waited bool, err error) {
	before := r.body.waits()
	body, err := io.ReadAll(&r.body)
	waited = r.wasAdmitted || r.body.waits() != before
	r.seen.Received = int(r.body.read)
	if err != nil {
		return false, err
	}
	r.body = callerBody{size: int64(len(body)), read: int64(len(body))}
	cost, err := to.spend.costs.Read(r.costRequest(body, g.now()))
	if err != nil {
		g.spent(Spent{Route: to.index, Outcome: SpendRefused, Reason: Unreadable})
		return false, unreadableCost(err)
	}
	r.hold = &hold{id: rand.Text(), to: to, cost: cost}
	if err := r.appendHead(to, from); err != nil {
		return false, err
	}
	r.head = append(r.head, body...)
	return waited, nil
}

func (r *request) costRequest(body []byte, now time.Time) *spend.Request {
	contentType, _ := r.fields.Only("content-type")
	_, isEncoded := r.fields.Get("content-encoding")
	return &spend.Request{
		Body: body, ContentType: string(contentType), IsEncoded: isEncoded, Now: now,
		Header: func(name string) (string, int) {
			value, times := r.fields.Count(name)
			return string(value), times
		},
	}
}

// reserve asks the ledger to hold what the request costs. Nothing of it has been sent yet.
func (g *Gateway) reserve(r *request) error {
	h, claims := r.hold, r.seen.Claims
	ctx, cancel := context.WithTimeout(context.Background(), g.settlements.timeout)
	defer cancel()
	h.asked, h.since = time.Now(), g.now()
	err := g.settlements.ledger.Reserve(ctx, Hold{
		ID: h.id, Subject: claims.Subject, ClientID: claims.ClientID, Unit: h.to.spend.unit,
		Once: h.once(), Route: h.to.name, Lookup: h.lookup(), Amount: h.cost.Amount, Within: h.to.spend.within,
	})
	var exceeded *BudgetExceededError
	var already *SpentAlreadyError
	switch {
	case err == nil:
		h.isHeld, h.isLate = true, time.Since(h.asked) > promptReserve
		return nil
	case errors.As(err, &exceeded):
		g.spent(Spent{Route: h.to.index, Outcome: SpendRefused, Reason: BudgetExceeded})
		r.hold = nil
		return budgetExceeded(exceeded, h.cost.Amount)
	case errors.As(err, &already):
		g.spent(Spent{Route: h.to.index, Outcome: SpendRefused, Reason: SpentAlready})
		r.hold = nil
		return spentAlready(already)
	}
	g.spent(Spent{Route: h.to.index, Outcome: SpendRefused, Reason: BudgetUnavailable})
	if times, due := g.settlements.unavailable.Due(); due {
		g.log.Warn("refused: the ledger of budgets cannot be asked", "route", h.to.name, "error", err, "times", times, r.logged())
	}
	return errBudgetUnavailable
}

// promptReserve is how long a reservation may take to be no wait, after which the request is authorized again.
const promptReserve = 50 * time.Millisecond

// mayBeSent refuses a request that was held back for so long, as in a process that was stopped, that others may soon find out that
// it was not executed.
func (g *Gateway) mayBeSent(h *hold) error {
	if h == nil {
		return nil
	}
	if took := max(time.Since(h.asked), g.now().Sub(h.since)); took > h.to.spend.sentWithin {
		g.log.Warn("refused: too late to be sent, after it was held in a budget", "route", h.to.name, "spend", h.id, "after", took)
		return errBudgetUnavailable
	}
	return nil
}

func (h *hold) wasLate() bool { return h != nil && h.isLate }

// once is what may be paid once. A key in a header belongs to the route, a payment hash to whatever pays it.
func (h *hold) once() string {
	if h.cost.Key == "" || h.cost.IsGlobal {
		return h.cost.Key
	}
	return h.to.name + " " + h.cost.Key
}

// lookup is what Inquiries understands: the key, and where the upstream refuses the request after a time, that.
func (h *hold) lookup() string {
	switch {
	case h.to.spend.lookup == nil || h.cost.Key == "":
		return ""
	case h.cost.Until.IsZero():
		return h.cost.Key
	}
	return h.cost.Key + " " + strconv.FormatInt(h.cost.Until.Unix(), 10)
}

// judgeStatus says what the head of an answer proves by itself.
func (h *hold) judgeStatus(status int) {
	if h != nil && !h.to.spend.answers.NeedsBody(status) {
		h.judge(status, nil)
	}
}

// needsBody reports whether the body of an answer with that status tells what became of the request.
func (h *hold) needsBody(status int) bool { return h != nil && h.to.spend.answers.NeedsBody(status) }

func (h *hold) judge(status int, body []byte) {
	h.verdict, h.executed = h.to.spend.answers.Judge(status, body, h.cost.Amount)
	h.isJudged = true
}

// outcome is what became of it. wasSent says that the upstream may have got any of the request.
func (h *hold) outcome(wasSent bool) Outcome {
	switch {
	case !wasSent:
		return Outcome{State: Voided}
	case !h.isJudged || h.verdict == spend.Unknown:
		return Outcome{State: Unsure}
	case h.verdict == spend.NotExecuted:
		return Outcome{State: Voided}
	}
	return Outcome{State: Posted, Cost: h.executed}
}

// forwardJudged gives the caller an answer whose body tells what the request has cost. It is read first, where it is small;
// what is longer is passed on as it arrives, and says nothing.
func (g *Gateway) forwardJudged(
	ctx *fasthttp.RequestCtx, r *request, to *rule, x upstream.Exchange, head *upstream.Head, except header.Exception,
) (streamed bool, err error) {
	response, status := &ctx.Response, head.Status()
	copyHead(&response.Header, head, except)
	if head.Length() > maxSpendingBody {
		g.streamAnswer(ctx, r, to, x, head)
		return true, nil
	}
	var body []byte
	for len(body) <= maxSpendingBody {
		part, err := x.Take()
		switch {
		case errors.Is(err, io.EOF):
			r.hold.judge(status, body)
			response.SetBody(body)
			return false, nil
		case err == nil && len(part) == 0:
			err = x.Await()
		}
		if err != nil {
			response.Reset() // to what an error of the gateway's is written
			return false, err
		}
		body = append(body, part...)
	}
	g.streamAnswer(ctx, r, to, x, head)
	r.stream.begun = body
	return true, nil
}
