package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/spend"
	"gatehouse/gateway/internal/upstream"
	"gatehouse/gateway/payment"
	"gatehouse/keys"
)

// Inquiry is a question to an upstream: what became of a request that was to spend.
type Inquiry struct {
	Subject, ClientID string
	// Route, Lookup and Amount are those of the payment.Hold.
	Route, Lookup string
	Amount        int64
	ReservedAt    time.Time
	// Again says that the subject has another spend with the same payment.Hold.Once, of whichever client and state: what the upstream says
	// may be about that one.
	Again bool
}

// ErrNoLookup is the error of an Inquiry that no upstream can be asked: its route has no lookup, or none any more, or what may be
// paid once was not known.
var ErrNoLookup = errors.New("gateway: its upstream cannot be asked")

// Inquiries asks upstreams what became of requests. It is safe for concurrent use.
type Inquiries struct {
	gateway *Gateway
	routes  map[string]*rule // by name
}

// NewInquiries is made from Routes, JWTSecret, Upstreams and Now of a Config. The error is that of New. It has to be closed.
func NewInquiries(config Config) (*Inquiries, error) {
	config.OnUnavailable = Deny
	config.Upstreams.SetDefaults()
	if config.Now == nil {
		config.Now = time.Now
	}
	q := &Inquiries{
		gateway: &Gateway{
			destinations: make(map[shared]*destination), hubs: make(map[upstream.Origin]*credential.Hub), now: config.Now, log: slog.New(slog.DiscardHandler),
		},
		routes: make(map[string]*rule),
	}
	rules, err := q.gateway.compile(config.Routes, &config)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		if r.spend != nil && r.spend.Lookup != nil {
			q.routes[r.name] = r
		}
	}
	return q, nil
}

// inquiryTime is how long an upstream may take to answer, where ctx does not end before.
const inquiryTime = 30 * time.Second

// Ask asks the route's upstream, with the credential of the subject and client. payment.Unsure means that it does not know yet, or has
// said nothing that is proof. The error says why there was no answer; ErrNoLookup that there will be none.
func (q *Inquiries) Ask(ctx context.Context, of Inquiry) (payment.Outcome, error) {
	to := q.routes[of.Route]
	if to == nil || of.Lookup == "" {
		return payment.Outcome{}, ErrNoLookup
	}
	key, until, err := payment.ParseLookup(of.Lookup)
	if err != nil {
		return payment.Outcome{}, err
	}
	head, err := q.head(to, &of, key)
	if err != nil {
		return payment.Outcome{}, err
	}
	end, ok := ctx.Deadline()
	if latest := time.Now().Add(inquiryTime); !ok || end.After(latest) {
		end = latest
	}
	status, body, err := to.upstream.Ask(upstream.Caller{Holder: upstream.Holder{User: of.Subject}, End: end}, head, maxSpendingBody)
	if err != nil {
		return payment.Outcome{}, fmt.Errorf("ask what became of a request of %s: %w", to.name, err)
	}
	verdict, cost := to.spend.Lookup.Judge(status, body, spend.Asked{
		Held: of.Amount, Since: of.ReservedAt, Until: until, Now: q.gateway.now(), Again: of.Again,
	})
	switch verdict {
	case spend.Executed:
		return payment.Outcome{State: payment.Posted, Cost: cost}, nil
	case spend.NotExecuted:
		return payment.Outcome{State: payment.Voided}, nil
	}
	return payment.Outcome{State: payment.Unsure}, nil
}

// Close closes the connections to upstreams.
func (q *Inquiries) Close() error {
	for _, d := range q.gateway.destinations {
		d.Close()
	}
	return nil
}

// inquirer is in the place of a token and a grant, which are not known.
const inquirer = "inquiry"

// head is the question, as a request.
func (q *Inquiries) head(to *rule, of *Inquiry, key string) ([]byte, error) {
	claims := &keys.Claims{ID: inquirer, Subject: of.Subject, ClientID: of.ClientID, GrantID: inquirer, Scopes: []string{to.scope}}
	made, err := to.credential.Append(nil, claims, nil)
	if err != nil {
		return nil, err
	}
	head, err := to.credential.AppendQuery(append([]byte("GET "), to.spend.Lookup.Path(key)...), nil, made)
	if err != nil {
		return nil, err
	}
	head = append(head, " HTTP/1.1\r\nHost: "...)
	head = append(head, to.upstream.Origin().Host...)
	head = append(head, "\r\nAccept: application/json\r\n"...)
	return append(to.credential.AppendFields(head, made), "\r\n"...), nil
}
