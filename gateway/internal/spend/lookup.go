package spend

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// LookupConfig is how an upstream is asked what became of a request.
type LookupConfig struct {
	// Path holds {key} once.
	Path string
	// State is a pointer to a text, Posted and Voided what it says of what was executed and what was not, nor will be.
	State          string
	Posted, Voided []string
	// Cost are pointers to the amounts that together were executed; none: what was held.
	Cost []string
	// Where are texts that an answer has to hold to be about the request.
	Where map[string]string
	// AbsentAfter is when a 404 proves that nothing was executed, nor will be: that long after the request was begun. 0: never.
	AbsentAfter time.Duration
}

// Lookup is how an upstream is asked. It is immutable.
type Lookup struct {
	before, after  string // the key, in the path
	state          Pointer
	posted, voided []string
	cost           []Pointer
	where          []condition
	absentAfter    time.Duration
	isHub          bool
}

type condition struct {
	at   Pointer
	text string
}

const keyInPath = "{key}"

// NewLookup compiles a LookupConfig. The error joins all that is wrong.
func NewLookup(c LookupConfig) (*Lookup, error) {
	l := &Lookup{posted: slices.Clone(c.Posted), voided: slices.Clone(c.Voided), absentAfter: c.AbsentAfter}
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf("lookup."+format, args...)) }
	var ok bool
	l.before, l.after, ok = strings.Cut(c.Path, keyInPath)
	if !ok || strings.Contains(l.after, keyInPath) || !strings.HasPrefix(l.before, "/") || strings.ContainsAny(c.Path, "#\r\n ") {
		problem("path is %q, want one that holds {key} once", c.Path)
	}
	var err error
	if l.state, err = ParsePointer(c.State); err != nil {
		problem("state: %w", err)
	}
	if l.cost, err = ParsePointers(c.Cost); err != nil {
		problem("cost: %w", err)
	}
	if len(c.Posted) == 0 {
		problem("posted is missing: what state says of a request that was executed")
	}
	if slices.ContainsFunc(c.Posted, func(state string) bool { return slices.Contains(c.Voided, state) }) {
		problem("posted and voided have a state in common")
	}
	if c.AbsentAfter < 0 {
		problem("absent_after is negative")
	}
	for at, text := range c.Where {
		pointer, err := ParsePointer(at)
		if err != nil {
			problem("where: %w", err)
		}
		l.where = append(l.where, condition{pointer, text})
	}
	return l, errors.Join(problems...)
}

// HubLookup asks lndhub.go for a payment by its hash, below a path that ends in /v2.
func HubLookup(base string) *Lookup {
	return &Lookup{
		before: base + "/invoices/", state: Pointer{"status"}, posted: []string{"settled"}, voided: []string{"error"},
		cost: []Pointer{{"amount"}, {"fee"}}, where: []condition{{Pointer{"type"}, "outgoing"}}, isHub: true,
	}
}

// Path is where the upstream is asked for a key.
func (l *Lookup) Path(key string) string { return l.before + url.PathEscape(key) + l.after }

// Asked is what an answer is about.
type Asked struct {
	Held  int64
	Since time.Time // when the request was begun
	Until time.Time // Cost.Until of it
	Now   time.Time
	// Again says that others had the same key, before it or meanwhile: an answer may be about one of them.
	Again bool
}

// isSurelyOver is how long after Asked.Until no request is under way that came before it.
const isSurelyOver = time.Hour

// Judge reads an answer.
//
// lndhub.go makes a row for each try of a payment, and answers with any of those of that user and hash: with an invoice that the user
// made, too. So only one that is outgoing counts, and one that has failed proves nothing where there was another try. A row is
// there before the payment begins; without any it was not begun, and is not any more once the invoice has expired.
func (l *Lookup) Judge(status int, body []byte, of Asked) (v Verdict, cost int64) {
	if l.isAbsent(status, body) {
		isOver := l.absentAfter > 0 && of.Now.Sub(of.Since) >= l.absentAfter
		if l.isHub {
			isOver = !of.Until.IsZero() && of.Now.Sub(of.Until) >= isSurelyOver
		}
		if isOver {
			return NotExecuted, 0
		}
		return Unknown, 0
	}
	if status != 200 {
		return Unknown, 0
	}
	answer, err := Parse(body)
	if err != nil {
		return Unknown, 0
	}
	for _, c := range l.where {
		if text, err := answer.Text(c.at); err != nil || text != c.text {
			return Unknown, 0
		}
	}
	state, err := answer.Text(l.state)
	switch {
	case err != nil:
		return Unknown, 0
	case slices.Contains(l.voided, state) && !(l.isHub && of.Again):
		return NotExecuted, 0
	case !slices.Contains(l.posted, state):
		return Unknown, 0
	case len(l.cost) == 0:
		return Executed, of.Held
	}
	if cost, err = answer.Sum(l.cost); err != nil {
		return Unknown, 0
	}
	return Executed, cost
}

// hubBadArguments is how lndhub.go says that it knows no invoice.
const hubBadArguments = 8

func (l *Lookup) isAbsent(status int, body []byte) bool {
	if !l.isHub {
		return status == 404
	}
	answer, err := Parse(body)
	if status != 400 || err != nil {
		return false
	}
	code, err := answer.Amount(Pointer{"code"})
	return err == nil && code == hubBadArguments
}
