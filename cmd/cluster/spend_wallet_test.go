package cluster_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// walletPatience is how long the gateways wait for an answer of the wallet.
const walletPatience = time.Second

// spendWallet is an upstream that pays, and knows what it has paid. It believes whatever it is asked: a payment that reaches it
// twice it makes twice. Often it does not say what it has done, or says it in a way that nobody can read.
type spendWallet struct {
	*httptest.Server
	seed uint64

	mu       sync.Mutex
	tries    map[string]int  // requests for each reference
	given    map[string]bool // by referenceFor
	underWay map[string]int
	executed []execution
	sealed   map[string]bool // of which it has said that they were not made, and will not be
	wrong    []string
	counts   map[string]int
}

// execution is a payment that was made.
type execution struct {
	purse
	reference    string // empty for a tip
	charged      int64
	sent, arrive time.Time
}

// purse is whose budget it comes from.
type purse struct{ subject, client string }

// payment is what a request says.
type payment struct {
	Reference string `json:"reference"`
	Amount    int64  `json:"amount"`
	SentAt    int64  `json:"sent_at"` // in microseconds
}

func newSpendWallet(t *testing.T, seed uint64) *spendWallet {
	t.Helper()
	w := &spendWallet{
		seed: seed, tries: map[string]int{}, given: map[string]bool{}, underWay: map[string]int{}, sealed: map[string]bool{}, counts: map[string]int{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payments", w.pay)
	mux.HandleFunc("POST /tips", w.pay)
	mux.HandleFunc("GET /payments/{reference}", w.lookUp)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(func() { w.CloseClientConnections(); w.Close() })
	return w
}

// routes are those of the configuration: payments, which can be asked for, and tips, which cannot.
func (w *spendWallet) routes() string {
	return w.routeTo("/payments", w.URL, "/payments") + w.routeTo("/tips", w.URL, "")
}

// routeTo is a route of a path to an origin, which is asked about payments below lookup unless that is empty.
func (w *spendWallet) routeTo(path, origin, lookup string) string {
	if lookup != "" {
		lookup = fmt.Sprintf(`, key: "json:/reference",
      lookup: {path: "%s/{key}", state: /state, posted: [executed], voided: [refused], cost: [/charged]}`, lookup)
	}
	return fmt.Sprintf(`
  - path: %s
    methods: [POST]
    origin: %q
    scope: payments:send
    description: Send payments.
    credential: headers
    first_byte_timeout: %v
    idle_timeout: %v
    spend: {unit: sat, cost: "json:/amount", settle: [/charged], void_on: [400, 402]%s}
`, path, origin, walletPatience, walletPatience, lookup)
}

// chance is the same for a seed, whoever comes first.
func (w *spendWallet) chance(what string, n int) *rand.Rand {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d", what, n)
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

// deed is what the wallet does with a request: whether it pays, before or after it waits, and how it answers.
type deed struct {
	name   string
	weight int
	pays   bool
	delay  time.Duration // at most
	late   bool          // after everybody has given up
	answer func(w http.ResponseWriter, status int, body string)
}

var deeds = []deed{
	{name: "paid", weight: 50, pays: true, answer: plainly},
	{name: "paid slowly", weight: 8, pays: true, delay: walletPatience * 2 / 3, answer: plainly},
	{name: "refused", weight: 10, answer: plainly},
	{name: "refused slowly", weight: 2, delay: walletPatience / 2, answer: plainly},
	{name: "paid late", weight: 4, pays: true, late: true, answer: plainly},
	{name: "not paid, and late", weight: 2, late: true, answer: plainly},
	{name: "paid, and said 500", weight: 6, pays: true, answer: failing},
	{name: "not paid, and said 500", weight: 4, answer: failing},
	{name: "paid, and cut", weight: 4, pays: true, answer: cut(1)},
	{name: "paid, and cut in the body", weight: 3, pays: true, answer: cut(-5)},
	{name: "not paid, and cut", weight: 2, answer: cut(0)},
	{name: "paid, and answered twice", weight: 3, pays: true, answer: twice},
	{name: "paid, and said something", weight: 2, pays: true, answer: unreadably},
}

func pick(chance *rand.Rand) deed {
	sum := 0
	for _, d := range deeds {
		sum += d.weight
	}
	n := chance.IntN(sum)
	for _, d := range deeds {
		if n -= d.weight; n < 0 {
			return d
		}
	}
	panic("unreachable")
}

func (w *spendWallet) pay(out http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	var p payment
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		w.report("a body that is none: %v", err)
		out.WriteHeader(http.StatusBadRequest)
		return
	}
	isTip := r.URL.Path == "/tips"
	w.mu.Lock()
	w.tries[p.Reference]++
	chance := w.chance(p.Reference, w.tries[p.Reference])
	d := pick(chance)
	if w.sealed[p.Reference] {
		d = deed{name: "refused for ever", answer: plainly}
	}
	w.underWay[p.Reference]++
	w.counts[d.name]++
	w.mu.Unlock()

	charged := p.Amount
	if chance.IntN(3) == 0 {
		charged -= chance.Int64N(p.Amount)/4 + 1
	}
	switch {
	case d.late:
		time.Sleep(walletPatience + time.Duration(chance.Int64N(int64(walletPatience))))
	case d.delay > 0:
		time.Sleep(time.Duration(chance.Int64N(int64(d.delay))))
	}
	status, body := http.StatusPaymentRequired, `{"state":"refused"}`
	w.mu.Lock()
	w.underWay[p.Reference]--
	if d.pays {
		status, body = http.StatusOK, fmt.Sprintf(`{"state":"executed","charged":%d}`, charged)
		made := execution{
			purse: purse{r.Header.Get("X-Gatehouse-Subject"), r.Header.Get("X-Gatehouse-Client")}, charged: charged,
			sent: time.UnixMicro(p.SentAt), arrive: arrived,
		}
		if !isTip {
			made.reference = p.Reference
		}
		w.executed = append(w.executed, made)
	}
	w.mu.Unlock()
	d.answer(out, status, body)
}

func plainly(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func failing(w http.ResponseWriter, _ int, _ string) {
	plainly(w, http.StatusInternalServerError, `{"error":true}`)
}

func unreadably(w http.ResponseWriter, status int, _ string) {
	plainly(w, status, `{"state":"executed","charged":"a lot"}`)
}

// cut ends the connection after so many bytes of the answer, or as many before its end.
func cut(after int) func(http.ResponseWriter, int, string) {
	return func(w http.ResponseWriter, status int, body string) {
		onTheWire(w, func(text string) string {
			if after < 0 {
				return text[:len(text)+after]
			}
			return text[:after]
		}, status, body)
	}
}

func twice(w http.ResponseWriter, status int, body string) {
	onTheWire(w, func(text string) string { return text + text }, status, body)
}

func onTheWire(w http.ResponseWriter, change func(string) string, status int, body string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte(change(fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), len(body), body))))
}

// lookUp tells the truth, or nothing. What it has called refused it will not make.
func (w *spendWallet) lookUp(out http.ResponseWriter, r *http.Request) {
	reference := r.PathValue("reference")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts["asked"]++
	switch rand.IntN(10) {
	case 0:
		failing(out, 0, "")
		return
	case 1:
		cut(20)(out, http.StatusOK, `{"state":"refused"}`)
		return
	case 2:
		plainly(out, http.StatusOK, `{"state":"refused","state":"executed","charged":1}`)
		return
	}
	for _, made := range w.executed {
		if made.reference != reference {
			continue
		}
		if who := (purse{r.Header.Get("X-Gatehouse-Subject"), r.Header.Get("X-Gatehouse-Client")}); who != made.purse {
			w.wrong = append(w.wrong, fmt.Sprintf("%v asks for a payment of %v", who, made.purse))
		}
		plainly(out, http.StatusOK, fmt.Sprintf(`{"state":"executed","charged":%d}`, made.charged))
		return
	}
	if w.underWay[reference] > 0 {
		plainly(out, http.StatusOK, `{"state":"pending"}`)
		return
	}
	w.sealed[reference] = true
	plainly(out, http.StatusOK, `{"state":"refused"}`)
}

func (w *spendWallet) report(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) < maxBroken {
		w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	}
}

// truth is what was paid until now.
func (w *spendWallet) truth() []execution {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]execution(nil), w.executed...)
}

func (w *spendWallet) isAtRest() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.underWay {
		if n > 0 {
			return false
		}
	}
	return true
}

// exceeded returns where more was paid than a user has allowed, as far as it can be told without the installation's own books. A
// payment counts in the window in which it was reserved: after it was sent, and before it arrived.
func (w *spendWallet) exceeded(purses map[purse]allowance) error {
	type sums struct{ all, before, after int64 }
	spent := map[purse]*sums{}
	references := map[string]bool{}
	for _, made := range w.truth() {
		allowed, ok := purses[made.purse]
		if !ok {
			return fmt.Errorf("nobody knows %v", made.purse)
		}
		if made.reference != "" && references[made.reference] {
			return fmt.Errorf("%s was paid twice", made.reference)
		}
		references[made.reference] = true
		s := spent[made.purse]
		if s == nil {
			s = &sums{}
			spent[made.purse] = s
		}
		s.all += made.charged
		if made.arrive.Before(allowed.renews) {
			s.before += made.charged
		}
		if !made.sent.Before(allowed.renews) {
			s.after += made.charged
		}
	}
	var problems []error
	for who, s := range spent {
		limit := purses[who].limit
		if s.before > limit || s.after > limit || s.all > 2*limit {
			problems = append(problems, fmt.Errorf("%v may spend %d: %+v", who, limit, *s))
		}
	}
	return errors.Join(problems...)
}
