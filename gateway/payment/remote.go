package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"

	"gatehouse/gateway/internal/upstream"
)

// RemoteLedger asks an authorization server over HTTP, for a gateway on its own. Nothing is asked twice: a question whose answer
// is lost is an error. Its connections are of the same kind as those to upstreams. It is safe for concurrent use.
type RemoteLedger struct {
	path      string // before those of the questions
	fields    string // of each question's head
	authority *upstream.Pool

	closed chan struct{}
	sweeps sync.WaitGroup
}

var _ Ledger = (*RemoteLedger)(nil)

const (
	// ledgerConns is how many questions are asked at a time; more wait for one of them.
	ledgerConns = 128
	// ledgerIdle is less than the server's: a connection that it closes meanwhile costs a request that is refused.
	ledgerIdle = 30 * time.Second
	// ledgerTimeout is how long a part of an answer may take, where the context of a question does not end before.
	ledgerTimeout = 5 * time.Second
	// longestAnswer is far more than an answer of a ledger has, in bytes.
	longestAnswer = 64 << 10
)

// NewRemoteLedger asks at a URL, and shows the token unless it is empty. It goes there and nowhere else: through no proxy of the
// environment, after no redirect. Close it.
func NewRemoteLedger(at, token string) (*RemoteLedger, error) {
	origin, path, err := upstream.ParseOrigin(at)
	if err != nil {
		return nil, fmt.Errorf("the ledger of budgets: %w", err)
	}
	if !httpguts.ValidHeaderFieldValue(token) {
		return nil, errors.New("the ledger of budgets: the token has characters that cannot be sent")
	}
	pool, err := upstream.NewPool(origin, upstream.Settings{
		ConnectTimeout: ledgerTimeout, FirstByteTimeout: ledgerTimeout, IdleTimeout: ledgerTimeout, ConnWait: ledgerTimeout,
		MaxConns: ledgerConns, MaxConnsPerUser: ledgerConns, MaxIdleConns: ledgerConns, KeepIdle: ledgerIdle,
	})
	if err != nil {
		return nil, fmt.Errorf("the ledger of budgets: %w", err)
	}
	l := &RemoteLedger{
		path: path, authority: pool, closed: make(chan struct{}),
		fields: " HTTP/1.1\r\nHost: " + origin.Host + "\r\nContent-Type: application/json\r\n",
	}
	if token != "" {
		l.fields += "Authorization: Bearer " + token + "\r\n"
	}
	l.sweeps.Go(l.sweep)
	return l, nil
}

// Close closes the connections that are not in use.
func (l *RemoteLedger) Close() error {
	close(l.closed)
	l.sweeps.Wait()
	l.authority.Close()
	return nil
}

// sweep closes connections that have not been used for a while.
func (l *RemoteLedger) sweep() {
	ticker := time.NewTicker(ledgerIdle)
	defer ticker.Stop()
	for {
		select {
		case <-l.closed:
			return
		case now := <-ticker.C:
			l.authority.CloseIdleSince(now.Add(-ledgerIdle))
		}
	}
}

// holdQuestion asks to reserve.
type holdQuestion struct {
	ID       string `json:"id"`
	Subject  string `json:"subject"`
	ClientID string `json:"client_id"`
	Unit     string `json:"unit"`
	Once     string `json:"once"`
	Route    string `json:"route"`
	Lookup   string `json:"lookup"`
	Amount   int64  `json:"amount"`
	WithinMS int64  `json:"within_ms"`
}

// outcomeReport says what became of what was reserved.
type outcomeReport struct {
	State State `json:"state"`
	Cost  int64 `json:"cost"`
}

// ledgerAnswer is what a ledger says that has not done what it was asked for.
type ledgerAnswer struct {
	Error      string     `json:"error"`
	State      string     `json:"state"`
	Unit       string     `json:"unit"`
	Limit      *int64     `json:"limit"`
	Remaining  *int64     `json:"remaining"`
	MostAtOnce *int64     `json:"most_at_once"`
	RenewsAt   *time.Time `json:"renews_at"`
}

// Reserve implements Ledger.
func (l *RemoteLedger) Reserve(ctx context.Context, h Hold) error {
	status, said, err := l.ask(ctx, "/spends", holdQuestion{
		ID: h.ID, Subject: h.Subject, ClientID: h.ClientID, Unit: h.Unit, Once: h.Once, Route: h.Route, Lookup: h.Lookup,
		Amount: h.Amount, WithinMS: h.Within.Milliseconds(),
	})
	switch {
	case err != nil:
		return err
	case status == http.StatusCreated:
		return nil
	case status == http.StatusForbidden && said.Error == "budget_exceeded":
		e := &BudgetExceededError{
			Unit: said.Unit, Limit: orNone(said.Limit), Remaining: orNone(said.Remaining), MostAtOnce: orNone(said.MostAtOnce),
		}
		if said.RenewsAt != nil {
			e.RenewsAt = *said.RenewsAt
		}
		return e
	case status == http.StatusConflict && said.Error == "spent_already":
		return &SpentAlreadyError{State: said.State}
	}
	return unexpectedAnswer(status, said)
}

// Settle implements Ledger.
func (l *RemoteLedger) Settle(ctx context.Context, id string, to Outcome) error {
	status, said, err := l.ask(ctx, "/spends/"+url.PathEscape(id)+"/outcome", outcomeReport(to))
	switch {
	case err != nil:
		return err
	case status == http.StatusNoContent:
		return nil
	case status == http.StatusNotFound || status == http.StatusConflict:
		return fmt.Errorf("%w: %s", ErrNoHold, said.Error)
	}
	return unexpectedAnswer(status, said)
}

func unexpectedAnswer(status int, said ledgerAnswer) error {
	return fmt.Errorf("the ledger of budgets answered %d %q", status, said.Error)
}

func orNone(limit *int64) int64 {
	if limit == nil {
		return -1
	}
	return *limit
}

// ask sends one question and reads its answer. ctx bounds it by its deadline; when it is cancelled, nothing is cut.
func (l *RemoteLedger) ask(ctx context.Context, path string, question any) (status int, said ledgerAnswer, err error) {
	body, err := json.Marshal(question)
	if err != nil {
		return 0, said, fmt.Errorf("encode a question for the ledger: %w", err)
	}
	request := make([]byte, 0, 512+len(body))
	request = append(append(append(request, "POST "...), l.path...), path...)
	request = append(append(request, l.fields...), "Content-Length: "...)
	request = strconv.AppendInt(request, int64(len(body)), 10)
	request = append(append(request, "\r\n\r\n"...), body...)

	end, _ := ctx.Deadline()
	status, answer, err := l.authority.Ask(upstream.Caller{End: end}, request, longestAnswer)
	if err != nil {
		return 0, said, fmt.Errorf("ask the ledger of budgets: %w", err)
	}
	if len(answer) > 0 && json.Unmarshal(answer, &said) != nil {
		return 0, said, errors.New("the ledger's answer is none")
	}
	return status, said, nil
}
