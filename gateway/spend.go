package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/spend"
	"gatehouse/gateway/internal/upstream"
	"gatehouse/gateway/payment"
)

// beginSpending reads the whole body and what it costs, and puts what is sent into r.head: the bytes that were read, and no
// others, whatever their framing was.
func (r *request) beginSpending(g *Gateway, to *rule, from header.Peer) (waited bool, err error) {
	body, waited, err := r.readWhole()
	if err != nil {
		return false, err
	}
	if r.payment, err = g.payments.Begin(to.spend, r.costRequest(body, g.now()), r.logged()); err != nil {
		return false, unreadableCost(err)
	}
	return waited, r.appendWhole(to, from, body)
}

// readWhole reads a body before anything is sent. waited says that it was not all there.
func (r *request) readWhole() (body []byte, waited bool, err error) {
	before := r.body.waits()
	body, err = io.ReadAll(&r.body)
	waited = r.wasAdmitted || r.body.waits() != before
	r.seen.Received = int(r.body.read)
	if err != nil {
		return nil, false, err
	}
	r.body = callerBody{size: int64(len(body)), read: int64(len(body))}
	return body, waited, nil
}

// appendWhole puts a request whose body was read into r.head.
func (r *request) appendWhole(to *rule, from header.Peer, body []byte) error {
	if err := r.appendHead(to, from); err != nil {
		return err
	}
	r.head = append(r.head, body...)
	return nil
}

// countField returns the value of the last field of that lower-case name, and how many there are.
func (r *request) countField(name string) (value string, times int) {
	last, times := r.fields.Count(name)
	return string(last), times
}

func (r *request) costRequest(body []byte, now time.Time) *spend.Request {
	contentType, _ := r.fields.Only("content-type")
	_, isEncoded := r.fields.Get("content-encoding")
	return &spend.Request{
		Body: body, ContentType: string(contentType), IsEncoded: isEncoded, Now: now, Header: r.countField,
	}
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
			r.payment.Judge(status, body)
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

// notPaid is the answer to an error of a payment.
func notPaid(err error, cost int64) error {
	var exceeded *payment.BudgetExceededError
	var already *payment.SpentAlreadyError
	switch {
	case errors.As(err, &exceeded):
		return budgetExceeded(exceeded, cost)
	case errors.As(err, &already):
		return spentAlready(already)
	case errors.Is(err, payment.ErrUnavailable):
		return errBudgetUnavailable
	}
	return err
}

var errBudgetUnavailable = newRefusal(fiber.StatusServiceUnavailable, "budget_unavailable",
	"It cannot be told right now whether the budget allows this. The request was not forwarded.").retry("1")

// unreadableCost is made for each request: what is wrong is said, and quotes nothing of it.
func unreadableCost(why error) *refusal {
	return newRefusal(fiber.StatusBadRequest, "unreadable_cost", "What the request costs cannot be read. "+why.Error())
}

// exceededBody adds to a refusal what the budget allows. Null: there is no such limit, or the budget never begins anew.
type exceededBody struct {
	refusalBody
	Unit       string     `json:"unit"`
	Cost       int64      `json:"cost"` // of this request, at most
	Limit      *int64     `json:"limit"`
	Remaining  *int64     `json:"remaining"`
	RenewsAt   *time.Time `json:"renews_at"`
	MostAtOnce *int64     `json:"most_at_once,omitempty"` // where that was it
}

func budgetExceeded(e *payment.BudgetExceededError, cost int64) *refusal {
	r := newRefusal(fiber.StatusForbidden, "budget_exceeded", "The user's budget for this application does not allow it. The request was not forwarded.")
	said := exceededBody{
		refusalBody: refusalBody{Status: r.status, Error: r.code, Description: r.description},
		Unit:        e.Unit, Cost: cost, Limit: unlessNone(e.Limit), Remaining: unlessNone(e.Remaining),
	}
	if !e.RenewsAt.IsZero() {
		at := e.RenewsAt.UTC().Truncate(time.Second)
		said.RenewsAt = &at
	}
	if e.MostAtOnce >= 0 && cost > e.MostAtOnce {
		said.MostAtOnce = &e.MostAtOnce
	}
	return r.saying(said)
}

func unlessNone(limit int64) *int64 {
	if limit < 0 {
		return nil
	}
	return &limit
}

// spentPosted is the state of what was paid already, as payment.SpentAlreadyError has it.
const spentPosted = string(payment.Posted)

func spentAlready(e *payment.SpentAlreadyError) *refusal {
	code, description := "payment_in_progress", "The same payment is under way, or it is not known what became of it. The request was not forwarded."
	if e.State == spentPosted {
		code, description = "already_paid", "The same was paid already. The request was not forwarded."
	}
	r := newRefusal(fiber.StatusConflict, code, description)
	return r.saying(struct {
		refusalBody
		State string `json:"state"`
	}{refusalBody{Status: r.status, Error: code, Description: description}, e.State})
}

// saying has another body than refusals usually have. Nothing of the request was sent.
func (r *refusal) saying(body any) *refusal {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // texts, numbers and times always encode
	}
	r.body = encoded
	return r
}
