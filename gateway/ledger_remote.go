package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// RemoteLedger asks an authorization server over HTTP, for a gateway on its own. Nothing is asked twice: a question whose answer
// is lost is an error. It is safe for concurrent use.
type RemoteLedger struct {
	url, token string
	client     *http.Client
}

var _ Ledger = (*RemoteLedger)(nil)

const (
	// ledgerConns is how many questions are asked at a time; more wait for one of them.
	ledgerConns = 128
	// ledgerIdle is less than the server's: a connection that it closes meanwhile costs a request that is refused.
	ledgerIdle = 30 * time.Second
	// longestLedgerAnswer is more than any has, in bytes.
	longestLedgerAnswer = 16 << 10
)

// NewRemoteLedger asks at a URL, and shows the token unless it is empty. It goes there and nowhere else: through no proxy of the
// environment, after no redirect. Close it.
func NewRemoteLedger(url, token string) *RemoteLedger {
	return &RemoteLedger{
		url: strings.TrimSuffix(url, "/"), token: token,
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
				TLSHandshakeTimeout: 5 * time.Second,
				MaxConnsPerHost:     ledgerConns, MaxIdleConnsPerHost: ledgerConns, IdleConnTimeout: ledgerIdle,
				DisableCompression: true, MaxResponseHeaderBytes: longestLedgerAnswer,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close closes the connections that are not in use.
func (l *RemoteLedger) Close() error {
	l.client.CloseIdleConnections()
	return nil
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
	status, said, err := l.ask(ctx, "/spends", map[string]any{
		"id": h.ID, "subject": h.Subject, "client_id": h.ClientID, "unit": h.Unit, "once": h.Once, "route": h.Route, "lookup": h.Lookup,
		"amount": h.Amount, "within_ms": h.Within.Milliseconds(),
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
	status, said, err := l.ask(ctx, "/spends/"+url.PathEscape(id)+"/outcome", map[string]any{"state": to.State, "cost": to.Cost})
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

func (l *RemoteLedger) ask(ctx context.Context, path string, question any) (status int, said ledgerAnswer, err error) {
	body, err := json.Marshal(question)
	if err != nil {
		return 0, said, fmt.Errorf("encode a question for the ledger: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, said, fmt.Errorf("ask the ledger: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if l.token != "" {
		request.Header.Set("Authorization", "Bearer "+l.token)
	}
	response, err := l.client.Do(request)
	if err != nil {
		return 0, said, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, longestLedgerAnswer))
	if err != nil {
		return 0, said, fmt.Errorf("read the ledger's answer: %w", err)
	}
	if len(answer) > 0 && json.Unmarshal(answer, &said) != nil {
		return 0, said, errors.New("the ledger's answer is none")
	}
	return response.StatusCode, said, nil
}
