package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// allowance is what a user has allowed an application, in each of two windows.
type allowance struct {
	grant
	limit  int64
	renews time.Time
}

func (a allowance) purse() purse { return purse{fmt.Sprint(a.user), a.id} }

// spenders are applications that pay as fast as they may: with new payments, with old ones again, with one at several gateways
// at once. Some hang up before they have an answer.
type spenders struct {
	in   *installation
	seed uint64
	stop chan struct{}
	wait sync.WaitGroup

	mu       sync.Mutex
	statuses map[string]int
	wrong    []string
}

func (in *installation) startSpenders(seed uint64, purses map[purse]allowance) *spenders {
	s := &spenders{in: in, seed: seed, stop: make(chan struct{}), statuses: map[string]int{}}
	for i, who := range slices.SortedFunc(maps.Keys(purses), func(a, b purse) int {
		return strings.Compare(a.subject+" "+a.client, b.subject+" "+b.client)
	}) {
		s.wait.Go(func() { s.spend(i, purses[who]) })
	}
	return s
}

func (s *spenders) end() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.wait.Wait()
}

// spend pays with one allowance until the end.
func (s *spenders) spend(number int, from allowance) {
	chance := rand.New(rand.NewPCG(s.seed, uint64(number)))
	var known []payment
	for n := 0; ; n++ {
		select {
		case <-s.stop:
			return
		case <-time.After(time.Duration(50+chance.IntN(250)) * time.Millisecond):
		}
		p := payment{Reference: fmt.Sprintf("%d-%d-%d", s.seed, number, n), Amount: 1 + chance.Int64N(40)}
		path, copies := "/payments", 1
		switch what := chance.IntN(20); {
		case what < 3:
			path = "/tips"
		case what < 8 && len(known) > 0:
			p = known[chance.IntN(len(known))]
		case what < 11:
			copies = 3
		}
		if path == "/payments" {
			known = append(known, p)
		}
		first, limit := chance.IntN(len(s.in.gateways)), time.Duration(0)
		if chance.IntN(10) == 0 {
			limit = time.Duration(5+chance.IntN(60)) * time.Millisecond
		}
		var all sync.WaitGroup
		for i := range copies {
			at := s.in.gateways[(first+i)%len(s.in.gateways)]
			all.Go(func() { s.record(at, s.in.pay(at, from, path, p, limit)) })
		}
		all.Wait()
	}
}

// paid is what a gateway has answered; a status of 0 is no answer.
type paid struct {
	status    int
	code      string
	remaining int64
	charged   int64
}

// pay sends a payment. It hangs up after a limit that is not 0.
func (in *installation) pay(at *server, from allowance, path string, p payment, limit time.Duration) paid {
	ctx := context.Background()
	if limit > 0 {
		var hangUp context.CancelFunc
		ctx, hangUp = context.WithTimeout(ctx, limit)
		defer hangUp()
	}
	p.SentAt = time.Now().UnixMicro()
	body, _ := json.Marshal(p)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at.url()+path, strings.NewReader(string(body)))
	if err != nil {
		return paid{}
	}
	request.Header.Set("Authorization", "Bearer "+from.access)
	request.Header.Set("Content-Type", "application/json")
	response, err := caller.Do(request)
	if err != nil {
		return paid{}
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	var said struct {
		Error     string `json:"error"`
		Remaining int64  `json:"remaining"`
		Charged   int64  `json:"charged"`
	}
	_ = json.Unmarshal(text, &said) // what the wallet says may be anything
	return paid{response.StatusCode, said.Error, said.Remaining, said.Charged}
}

// spendAnswers are those that a gateway may give to a payment, whatever happens around it.
var spendAnswers = map[string]bool{
	"0 ": true, "200 ": true, "402 ": true, "500 ": true, "403 budget_exceeded": true, "409 payment_in_progress": true, "409 already_paid": true,
	"503 budget_unavailable": true,
}

func (s *spenders) record(at *server, got paid) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := fmt.Sprintf("%d %s", got.status, got.code)
	s.statuses[answer]++
	isKnown := spendAnswers[answer] || got.status == http.StatusBadGateway || got.status == http.StatusGatewayTimeout ||
		got.status == http.StatusServiceUnavailable
	if !isKnown && len(s.wrong) < maxBroken {
		s.wrong = append(s.wrong, fmt.Sprintf("%s %s: %+v", time.Now().Format("15:04:05.000"), at.name, got))
	}
}

func (s *spenders) summary() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text strings.Builder
	for _, answer := range slices.Sorted(maps.Keys(s.statuses)) {
		fmt.Fprintf(&text, "  %s: %d", strings.TrimSpace(answer), s.statuses[answer])
	}
	return text.String()
}
