package budget

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

const (
	// maxQuestion is how many bytes a question of a gateway may have.
	maxQuestion = 16 << 10
	// maxWithin is the longest that a request may take, until somebody else finds out what became of it.
	maxWithin = 7 * 24 * time.Hour
	// answerTimeout bounds a question. It is answered, or not, long before a gateway gives up a hold for lost.
	answerTimeout = 5 * time.Second
)

// API answers gateways on their own. They reserve with POST /spends and settle with POST /spends/{id}/outcome, both of JSON.
// What was begun is finished although the gateway has hung up: it may be reserved, and the gateway then says that nothing was sent.
type API struct {
	Ledger *Ledger
	// Token is what gateways show. Without one, only programs of this machine are answered.
	Token string
	Log   *slog.Logger // slog.Default when nil
}

// question is what a gateway wants to spend.
type question struct {
	ID       string `json:"id"`
	Subject  string `json:"subject"`
	ClientID string `json:"client_id"`
	Unit     string `json:"unit"`
	Once     string `json:"once"`
	Route    string `json:"route"`
	Lookup   string `json:"lookup"`
	Amount   *int64 `json:"amount"` // not left out: that would be free
	WithinMS int64  `json:"within_ms"`
}

// report is what became of it.
type report struct {
	State string `json:"state"`
	Cost  *int64 `json:"cost"` // required of what was posted
}

// refusal is why nothing was reserved or settled.
type refusal struct {
	Error string `json:"error"`
	State string `json:"state,omitempty"`
	*exceeded
}

// exceeded is how a budget stands. What there is none of is null.
type exceeded struct {
	Unit       string     `json:"unit"`
	Limit      *int64     `json:"limit"`
	Remaining  *int64     `json:"remaining"`
	MostAtOnce *int64     `json:"most_at_once"`
	RenewsAt   *time.Time `json:"renews_at"`
}

var errBadQuestion = errors.New("budget: not a question that a gateway asks")

// Handler serves the API.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /spends", a.handle(a.reserve))
	mux.HandleFunc("POST /spends/{id}/outcome", a.handle(a.settle))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeAnswer(w, http.StatusNotFound, refusal{Error: "not_found"})
	})
	return a.guard(mux)
}

// guard asks for the token. Without one, a page in a browser of this machine may be the caller, or a name that points here.
func (a *API) guard(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		isAllowed := isBearer && text.IsSame(a.Token, token)
		if a.Token == "" {
			isAllowed = sameOrigin.Check(r) == nil && isThisMachine(r.Host)
		}
		if !isAllowed {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeAnswer(w, http.StatusUnauthorized, refusal{Error: "invalid_token"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isThisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (a *API) handle(answer func(context.Context, http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), answerTimeout)
		defer cancel()
		if err := answer(ctx, w, r); err != nil {
			a.refuse(ctx, w, err)
		}
	}
}

func (a *API) reserve(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	var q question
	if err := readQuestion(w, r, &q); err != nil {
		return err
	}
	within := time.Duration(q.WithinMS) * time.Millisecond
	if q.Amount == nil || q.WithinMS <= 0 || q.WithinMS > maxWithin.Milliseconds() {
		return errBadQuestion
	}
	_, _, err := a.Ledger.Reserve(ctx, registry.Spend{
		ID: q.ID, Subject: q.Subject, ClientID: q.ClientID, Unit: q.Unit, Once: q.Once, Route: q.Route, Lookup: q.Lookup,
		Amount: *q.Amount, InquireAt: a.Ledger.now().Add(within),
	})
	if err == nil {
		writeAnswer(w, http.StatusCreated, struct{}{})
	}
	return err
}

func (a *API) settle(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	var to report
	if err := readQuestion(w, r, &to); err != nil {
		return err
	}
	if to.Cost == nil && to.State == registry.Posted {
		return errBadQuestion
	}
	outcome := registry.Outcome{State: to.State, InquireAt: a.Ledger.now()}
	if to.Cost != nil {
		outcome.Cost = *to.Cost
	}
	_, err := a.Ledger.Settle(ctx, r.PathValue("id"), outcome)
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// refuse is the one mapping of errors to what a gateway is told. What is behind it is for the log alone.
func (a *API) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	var over *registry.BudgetExceededError
	var already *registry.SpentAlreadyError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		writeAnswer(w, http.StatusForbidden, refusal{Error: "budget_exceeded", exceeded: exceededOf(over.Budget)})
	case errors.As(err, &already):
		writeAnswer(w, http.StatusConflict, refusal{Error: "spent_already", State: already.Spend.State})
	case errors.As(err, &tooLarge):
		writeAnswer(w, http.StatusRequestEntityTooLarge, refusal{Error: "invalid_request"})
	case errors.Is(err, errBadQuestion), errors.Is(err, registry.ErrInvalid):
		writeAnswer(w, http.StatusBadRequest, refusal{Error: "invalid_request"})
	case errors.Is(err, registry.ErrNotFound):
		writeAnswer(w, http.StatusNotFound, refusal{Error: "not_found"})
	case errors.Is(err, registry.ErrSettled):
		writeAnswer(w, http.StatusConflict, refusal{Error: "settled_otherwise"})
	case errors.Is(err, registry.ErrExists):
		writeAnswer(w, http.StatusConflict, refusal{Error: "id_taken"})
	default:
		cmp.Or(a.Log, slog.Default()).ErrorContext(ctx, "a gateway was not answered about a budget", slog.Any("cause", err))
		w.Header().Set("Retry-After", "1")
		writeAnswer(w, http.StatusServiceUnavailable, refusal{Error: "temporarily_unavailable"})
	}
}

func exceededOf(b registry.Budget) *exceeded {
	e := &exceeded{Unit: b.Unit, Limit: OrNull(b.Most), Remaining: OrNull(b.Left()), MostAtOnce: OrNull(b.MostAtOnce)}
	if renews := RenewsAt(b); !renews.IsZero() {
		e.RenewsAt = &renews
	}
	return e
}

// readQuestion decodes a body of one JSON object without members that are not known.
func readQuestion(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.Join(more, errBadQuestion)
		}
	}
	if err != nil {
		return errors.Join(errBadQuestion, err)
	}
	return nil
}

func writeAnswer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the gateway has gone when this fails
}
