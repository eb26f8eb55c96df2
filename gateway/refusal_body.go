package gateway

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// What the body of a refusal can say of the outcome of a request that was sent.
const (
	// OutcomeUnknown means that the upstream may have done what it was asked to, or may still do it.
	OutcomeUnknown = "unknown"
	// OutcomeRefused means that the upstream has refused the request, and done nothing.
	OutcomeRefused = "refused"
)

// unknownOutcome is added for people to what programs read in refusalBody.
const unknownOutcome = " The request was sent, and what became of it is not known."

// refusalBody is what a program reads of a refusal. Sent is false only when certainly no byte of the request has reached
// the upstream; else Outcome says what is known.
type refusalBody struct {
	Status      int    `json:"status"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Sent        bool   `json:"sent"`
	Outcome     string `json:"outcome,omitempty"`
}

func (b refusalBody) encode() []byte {
	body, err := json.Marshal(b)
	if err != nil {
		panic(err) // texts, a number and a bool always encode
	}
	return body
}

// ofTheUpstream is a refusal that repeats the upstream's own.
func (r *refusal) ofTheUpstream() *refusal {
	r.sentBody = refusalBody{r.status, r.code, r.description, true, OutcomeRefused}.encode()
	return r
}

// tellSent makes of an answer with r one to a request that was sent. Only what does no harm is to be tried again.
func tellSent(ctx *fasthttp.RequestCtx, r *refusal, isSafe bool) {
	ctx.Response.SetBodyRaw(r.sentBody)
	if !isSafe {
		ctx.Response.Header.Del(fiber.HeaderRetryAfter)
	}
}
