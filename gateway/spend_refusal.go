package gateway

import (
	"encoding/json"
	"time"

	"github.com/gofiber/fiber/v2"
)

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

func budgetExceeded(e *BudgetExceededError, cost int64) *refusal {
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

// spentPosted is the state of what was paid already, as SpentAlreadyError has it.
const spentPosted = string(Posted)

func spentAlready(e *SpentAlreadyError) *refusal {
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
