package spend

import (
	"fmt"
	"slices"
)

// Verdict is what an answer says of a request.
type Verdict uint8

// The verdicts. Unknown is of whatever does not say it clearly.
const (
	Unknown Verdict = iota
	Executed
	NotExecuted
)

// Answers says what the answers of an upstream mean. It is immutable.
type Answers struct {
	// VoidOn are the statuses that prove that nothing was executed, nor will be.
	VoidOn []int
	// Settle are the amounts that together are what was executed; none: what was held.
	Settle []Pointer
	isHub  bool
}

// hubVoidOn are those with which lndhub.go v0.14 (a0f7607) refuses a payment before it begins one.
//
//   - 401: the token, or a user who is suspended, before the handler (lib/tokens/jwt.go, ValidateUserMiddleware).
//   - 404, 405: its router has no such path or method.
//   - 413, 429: the limits on bodies and requests (lib/transport/echo.go).
//   - 400: arguments, network, expiry, balance and limits (controllers_v2/payinvoice.ctrl.go, keysend.ctrl.go), where its own words
//     prove it; see refusesBefore.
//
// Others, and every 5xx, come after the payment was begun, or from something in between that may have sent the request on: a
// firewall that looks at answers says 403.
var hubVoidOn = []int{400, 401, 404, 405, 413, 429}

// NewAnswers compiles what a route says. For lndhub.go, whose cost is Bolt11 or Keysend, it is known.
func NewAnswers(cost string, settle []string, voidOn []int) (*Answers, error) {
	isHub := cost == Bolt11 || cost == Keysend
	if isHub && (len(settle) > 0 || len(voidOn) > 0) {
		return nil, fmt.Errorf("settle and void_on: %s knows them", cost)
	}
	if isHub {
		return &Answers{hubVoidOn, []Pointer{{"amount"}, {"fee"}}, true}, nil
	}
	for _, status := range voidOn {
		if status < 400 || status > 499 || status == 408 || status == 499 {
			return nil, fmt.Errorf("void_on: %d does not prove that nothing was executed, want statuses from 400 to 498 but 408", status)
		}
	}
	pointers, err := ParsePointers(settle)
	if err != nil {
		return nil, fmt.Errorf("settle: %w", err)
	}
	return &Answers{slices.Clone(voidOn), pointers, false}, nil
}

// NeedsBody reports whether the body of an answer with that status says more than the status.
func (a *Answers) NeedsBody(status int) bool {
	return status/100 == 2 && len(a.Settle) > 0 || a.isHub && status == 400
}

// Judge reads an answer. body is nil where it could not be read whole. cost is of what was Executed, for which held was held.
func (a *Answers) Judge(status int, body []byte, held int64) (v Verdict, cost int64) {
	switch {
	case slices.Contains(a.VoidOn, status):
		if a.isHub && status == 400 && !refusesBefore(body) {
			return Unknown, 0
		}
		return NotExecuted, 0
	case status/100 != 2:
		return Unknown, 0
	case len(a.Settle) == 0:
		return Executed, held
	}
	answer, err := Parse(body)
	if err != nil {
		return Unknown, 0
	}
	cost, err = answer.Sum(a.Settle)
	if err != nil {
		return Unknown, 0
	}
	return Executed, cost
}

// hubFailed is the code with which lndhub.go says that a payment was begun and has failed, or was not written down.
const hubFailed = 10

// refusesBefore holds for lndhub.go's own refusals, but that of a payment that was begun. Its older API says 400 of those.
func refusesBefore(body []byte) bool {
	answer, err := Parse(body)
	if err != nil {
		return false
	}
	code, err := answer.Amount(Pointer{"code"})
	failed, _ := answer.find(Pointer{"error"})
	return err == nil && failed == true && code != hubFailed
}
