package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/gateway/payment"
)

func TestAPaymentIsHeldSentAndPosted(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"amount":250000,"fee":7,"payment_hash":"00"}`)))
	b := newBuyer(t, newLedger(-1), paying(upstream.URL()), at(beforeItExpires))
	body := `{"invoice":"` + invoice + `"}`
	a := b.do(b.request("/v2/payments/bolt11", body))
	require.Equal(t, 200, a.StatusCode, a.Body)
	require.JSONEq(t, `{"amount":250000,"fee":7,"payment_hash":"00"}`, a.Body)
	require.Equal(t, body, upstream.Only().Body)
	require.Equal(t, []string{"posted 250007"}, b.ledger.states())
	h := b.ledger.hold(t, 0)
	require.EqualValues(t, invoiceHold, h.Amount)
	require.Equal(t, payment.Hold{
		ID: h.ID, Subject: "7", ClientID: "app", Unit: "sat", Once: invoiceHash, Route: "POST /v2/payments/bolt11",
		Lookup: invoiceHash + " 1496314718", Amount: invoiceHold, Within: h.Within,
	}, h)
	require.Equal(t, []payment.Spent{{Outcome: payment.SpendPosted, Held: invoiceHold, Cost: 250_007}}, b.observed())

	a = b.do(b.request("/v2/payments/bolt11", `{"invoice":"`+strings.ToUpper(invoice)+`"}`))
	requireRefusedSpend(t, a, 409, "already_paid")
	require.Equal(t, "posted", member(t, a, "state"))
	require.Len(t, upstream.Requests(), 1)
}

// The hold is there, durably, before the first byte goes to the upstream, and its outcome before the caller has the answer.
func TestTheHoldComesBeforeTheFirstByte(t *testing.T) {
	b := &buyer{}
	seen := make(chan []string, 1)
	upstream := newUpstream(t, func(c *gatewaytest.Conn) {
		for c.ReadRequest() {
			seen <- b.ledger.states()
			c.Say(answerFor(`{"cost":3}`))
		}
	})
	b = newBuyer(t, newLedger(10), priced(upstream.URL()))
	require.Equal(t, 200, b.order(`{"amount":5}`).StatusCode)
	require.Equal(t, []string{"held 5"}, <-seen)
	require.Equal(t, []string{"posted 3"}, b.ledger.states())
	require.Equal(t, 200, b.order(`{"amount":7}`).StatusCode, "what was not spent is there again")
}

func TestWhatTheBudgetDoesNotAllowIsNotSent(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	b := newBuyer(t, newLedger(10), priced(upstream.URL()))
	a := b.order(`{"amount":11}`)
	requireRefusedSpend(t, a, 403, "budget_exceeded")
	require.JSONEq(t, `{"status":403,"error":"budget_exceeded","sent":false,"unit":"credit","cost":11,"limit":10,"remaining":10,
		"renews_at":"2030-01-02T04:04:05Z","error_description":"The user's budget for this application does not allow it. The request was not forwarded."}`,
		a.Body)
	require.Empty(t, upstream.Requests())

	b.ledger.reserve = func(context.Context, payment.Hold) error {
		return &payment.BudgetExceededError{Unit: "credit", Limit: -1, Remaining: -1, MostAtOnce: 4}
	}
	a = b.order(`{"amount":5}`)
	requireRefusedSpend(t, a, 403, "budget_exceeded")
	require.EqualValues(t, 4, member(t, a, "most_at_once"))
	for _, name := range []string{"limit", "remaining", "renews_at"} {
		require.Nil(t, member(t, a, name), "there is none")
	}
	require.Equal(t, []payment.Spent{
		{Outcome: payment.SpendRefused, Reason: payment.BudgetExceeded}, {Outcome: payment.SpendRefused, Reason: payment.BudgetExceeded},
	}, b.observed())
}

// However many ask at the same time, what is sent is within the limit.
func TestConcurrencyAroundTheLimit(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"cost":1}`)))
	b := newBuyer(t, newLedger(5), priced(upstream.URL()))
	var all sync.WaitGroup
	answers := make(chan int, 20)
	request := b.request("/orders", `{"amount":1}`)
	for range 20 {
		caller := b.dial()
		all.Go(func() {
			_ = caller.TrySend(request)
			a, err := caller.TryReceive("POST")
			if err == nil {
				answers <- a.StatusCode
			}
		})
	}
	all.Wait()
	close(answers)
	counts := map[int]int{}
	for status := range answers {
		counts[status]++
	}
	require.Equal(t, map[int]int{200: 5, 403: 15}, counts)
	require.Len(t, upstream.Requests(), 5)
}

// Which answers prove what: only those that the route lists give anything back.
func TestWhatBecomesOfAHold(t *testing.T) {
	status := func(line string) string { return "HTTP/1.1 " + line + "\r\nContent-Length: 0\r\n\r\n" }
	for name, test := range map[string]struct {
		script gatewaytest.Script
		answer int
		state  string
	}{
		"executed":                 {answering(answerFor(`{"cost":3}`)), 200, "posted 3"},
		"in chunks":                {answering(chunkedHead + "4\r\n{\"co\r\n7\r\nst\":3} \r\n0\r\n\r\n"), 200, "posted 3"},
		"executed for more":        {answering(answerFor(`{"cost":9}`)), 200, "posted 9"},
		"executed, and unreadable": {answering(answerFor(`{"cost":"3"}`)), 200, "unknown"},
		"executed, and empty":      {answering(status("200 OK")), 200, "unknown"},
		"a status that proves it":  {answering(status("422 No")), 422, "voided"},
		"a status that does not":   {answering(status("400 No")), 400, "unknown"},
		"a 500":                    {answering(status("500 Oh")), 500, "unknown"},
		"an answer that is cut": {func(c *gatewaytest.Conn) {
			c.ReadRequest()
			c.Say(strings.Replace(answerFor(`{"cost":3}`), "10", "99", 1))
		}, 502, "unknown"},
		"a head that is cut":   {func(c *gatewaytest.Conn) { c.ReadRequest(); c.Say("HTTP/1.1 422 N") }, 502, "unknown"},
		"no answer":            {func(c *gatewaytest.Conn) { c.ReadRequest() }, 502, "unknown"},
		"no HTTP":              {func(c *gatewaytest.Conn) { c.ReadRequest(); c.Say("bad\r\n\r\n") }, 502, "unknown"},
		"too slow":             {func(c *gatewaytest.Conn) { c.ReadRequest(); c.Hold() }, 504, "unknown"},
		"a redirect":           {answering(status("307 There\r\nLocation: /x")), 307, "unknown"},
		"a refused credential": {answering(status("401 Who")), 401, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := newUpstream(t, func(c *gatewaytest.Conn) {
				test.script(c)
				_ = c.Conn.Close()
			})
			route := priced(upstream.URL())
			route.FirstByteTimeout = 100 * time.Millisecond
			b := newBuyer(t, newLedger(-1), route)
			a := b.order(`{"amount":5}`)
			require.Equal(t, test.answer, a.StatusCode, a.Body)
			require.Equal(t, []string{test.state}, b.ledger.states())
			require.Len(t, b.observed(), 1)
			require.Equal(t, strings.Fields(test.state)[0], b.observed()[0].Outcome.String())
		})
	}
}

// What fails before the first byte gives everything back at once.
func TestWhatWasNotSentIsVoided(t *testing.T) {
	t.Run("nobody listens", func(t *testing.T) {
		upstream := newUpstream(t, answerAll)
		route := priced("http://127.0.0.1:1")
		b := newBuyer(t, newLedger(5), route)
		require.Equal(t, 502, b.order(`{"amount":5}`).StatusCode)
		require.Equal(t, []string{"voided"}, b.ledger.states())
		require.Empty(t, upstream.Requests())
	})
	t.Run("the token is revoked while the ledger is asked", func(t *testing.T) {
		upstream := newUpstream(t, answerAll)
		b := newBuyer(t, newLedger(5), priced(upstream.URL()))
		b.ledger.reserve = func(context.Context, payment.Hold) error {
			b.denylist.set(denylist.ErrRevoked)
			time.Sleep(60 * time.Millisecond)
			return nil
		}
		requireRefused(t, b.order(`{"amount":5}`), 401, "invalid_token")
		require.Equal(t, []string{"voided"}, b.ledger.states())
		require.Empty(t, upstream.Requests())
	})
	t.Run("the upstream is busy", func(t *testing.T) {
		enough := make(chan struct{})
		upstream := newUpstream(t, func(c *gatewaytest.Conn) { c.ReadRequest(); <-enough })
		route := priced(upstream.URL())
		route.MaxConns, route.ConnWait, route.MaxConnsPerUser = 1, time.Millisecond, 1
		b := newBuyer(t, newLedger(-1), route)
		t.Cleanup(func() { close(enough) }) // before the gateway ends, which waits for its requests
		first := b.dial()
		first.Send(b.request("/orders", `{"amount":5}`))
		require.Eventually(t, func() bool { return len(upstream.Requests()) == 1 }, patience, time.Millisecond)
		require.Equal(t, 503, b.order(`{"amount":6}`).StatusCode)
		require.Equal(t, []string{"held 5", "voided"}, b.ledger.states())
	})
}

// A store that is away lets nothing through.
func TestNothingIsSentWhileTheLedgerIsAway(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	b := newBuyer(t, newLedger(-1), priced(upstream.URL()))
	b.ledger.reserve = func(context.Context, payment.Hold) error { return errLedgerAway }
	a := b.order(`{"amount":5}`)
	requireRefusedSpend(t, a, 503, "budget_unavailable")
	require.Equal(t, "1", a.Header.Get("Retry-After"))

	b.ledger.reserve = func(ctx context.Context, _ payment.Hold) error { <-ctx.Done(); return ctx.Err() }
	began := time.Now()
	requireRefusedSpend(t, b.order(`{"amount":5}`), 503, "budget_unavailable")
	require.Less(t, time.Since(began), patience/2, "it is asked for as long as the configuration says")
	require.Empty(t, upstream.Requests())
	require.NotContains(t, b.log.String(), "amount")
	for _, seen := range b.observed() {
		require.Equal(t, payment.Spent{Outcome: payment.SpendRefused, Reason: payment.BudgetUnavailable}, seen)
	}
}

// A reservation whose answer was lost is given back, also when it arrives after that was tried first.
func TestAReservationWhoseAnswerIsLostIsVoided(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	ledger := newLedger(5)
	arrives, late := make(chan struct{}), make(chan error, 1)
	ledger.reserve = func(_ context.Context, h payment.Hold) error {
		go func() {
			<-arrives
			late <- ledger.keep(h)
		}()
		return context.DeadlineExceeded
	}
	tried := make(chan struct{}, 100)
	ledger.settle = func(string, payment.Outcome) error { tried <- struct{}{}; return nil }
	b := newBuyer(t, ledger, priced(upstream.URL()))
	requireRefusedSpend(t, b.order(`{"amount":5}`), 503, "budget_unavailable")
	<-tried // before the reservation is there
	close(arrives)
	require.NoError(t, <-late)
	ledger.requireStates(t, "voided")
	require.Empty(t, upstream.Requests())
}

// The answer of the upstream is given although the ledger cannot be told yet, and the ledger is told when it can.
func TestTheLedgerIsToldLater(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"cost":3}`)))
	b := newBuyer(t, newLedger(10), priced(upstream.URL()))
	var mu sync.Mutex
	failures := 3
	b.ledger.settle = func(string, payment.Outcome) error {
		mu.Lock()
		defer mu.Unlock()
		if failures--; failures >= 0 {
			return errLedgerAway
		}
		return nil
	}
	require.Equal(t, 200, b.order(`{"amount":5}`).StatusCode)
	require.Equal(t, 1, b.gateway.Unsettled())
	b.ledger.requireStates(t, "posted 3")
	require.Eventually(t, func() bool { return b.gateway.Unsettled() == 0 }, patience, time.Millisecond)
	require.Len(t, b.observed(), 1, "it is counted once")
}

func TestAGatewayThatStopsTellsTheLedgerOnceMore(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"cost":3}`)))
	b := newBuyer(t, newLedger(10), priced(upstream.URL()))
	b.ledger.settle = func(string, payment.Outcome) error { return errLedgerAway }
	require.Equal(t, 200, b.order(`{"amount":5}`).StatusCode)
	require.Equal(t, []string{"held 5"}, b.ledger.states())
	b.ledger.mu.Lock()
	b.ledger.settle = nil
	b.ledger.mu.Unlock()
	require.NoError(t, b.gateway.Close())
	require.Equal(t, []string{"posted 3"}, b.ledger.states())
}

func TestAHoldThatSomebodyElseHasSettledIsLeftAlone(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"cost":3}`)))
	b := newBuyer(t, newLedger(10), priced(upstream.URL()))
	b.ledger.settle = func(string, payment.Outcome) error { return fmt.Errorf("resolved: %w", payment.ErrNoHold) }
	require.Equal(t, 200, b.order(`{"amount":5}`).StatusCode)
	require.Zero(t, b.gateway.Unsettled())
	require.Contains(t, b.log.String(), "settled in another way")
}

func TestTheSameCannotBePaidTwice(t *testing.T) {
	upstream := newUpstream(t, func(c *gatewaytest.Conn) {
		for c.ReadRequest() {
			if strings.Contains(c.Last.Body, "slow") {
				c.Hold()
			}
			c.Say(map[bool]string{true: "HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n", false: answerFor(`{"cost":3}`)}[strings.Contains(c.Last.Body, "bad")])
		}
	})
	b := newBuyer(t, newLedger(-1), priced(upstream.URL()))
	const key, other = "Idempotency-Key: a-1", "Idempotency-Key: a-2"
	require.Equal(t, 422, b.order(`{"amount":5,"bad":1}`, key).StatusCode)
	require.Equal(t, 200, b.order(`{"amount":5}`, key).StatusCode, "what was voided can be tried again")
	requireRefusedSpend(t, b.order(`{"amount":5}`, key), 409, "already_paid")
	first := b.dial()
	first.Send(b.request("/orders", `{"amount":5,"slow":1}`, other))
	require.Eventually(t, func() bool { return len(b.ledger.states()) == 3 }, patience, time.Millisecond)
	a := b.order(`{"amount":5}`, other)
	requireRefusedSpend(t, a, 409, "payment_in_progress")
	require.Equal(t, "held", member(t, a, "state"))
	upstream.Release()
	require.Equal(t, 200, first.Receive("POST").StatusCode)
	require.Equal(t, 200, b.order(`{"amount":5}`).StatusCode, "without a key")
	require.Equal(t, 200, b.order(`{"amount":5}`).StatusCode)
	require.Equal(t, "POST /orders a-1", b.ledger.hold(t, 0).Once)
	require.Empty(t, b.ledger.hold(t, 4).Once)
	require.Empty(t, b.ledger.hold(t, 0).Lookup)
}

// A payment goes on although its caller has gone, and what it has cost is booked.
func TestACallerThatGoesIsCharged(t *testing.T) {
	upstream := newUpstream(t, func(c *gatewaytest.Conn) {
		for c.ReadRequest() {
			c.Hold()
			c.Say(answerFor(`{"cost":3}`))
		}
	})
	b := newBuyer(t, newLedger(-1), priced(upstream.URL()))
	caller := b.dial()
	caller.Send(b.request("/orders", `{"amount":5}`))
	require.Eventually(t, func() bool { return len(upstream.Requests()) == 1 }, patience, time.Millisecond)
	caller.Close()
	time.Sleep(600 * time.Millisecond) // until callers are looked at
	require.Equal(t, []string{"held 5"}, b.ledger.states())
	upstream.Release()
	b.ledger.requireStates(t, "posted 3")
}

func TestAPanicOfTheLedgerRefusesTheRequest(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"cost":3}`)))
	b := newBuyer(t, newLedger(-1), priced(upstream.URL()))
	b.ledger.reserve = func(_ context.Context, h payment.Hold) error {
		_ = b.ledger.keep(h)
		panic("in the ledger")
	}
	require.Equal(t, 500, b.order(`{"amount":5}`).StatusCode)
	b.ledger.requireStates(t, "voided")
	require.Empty(t, upstream.Requests())

	b.ledger.reserve = nil
	panics := true
	b.ledger.settle = func(string, payment.Outcome) error {
		if panics {
			panics = false
			panic("in the ledger")
		}
		return nil
	}
	require.Equal(t, 200, b.order(`{"amount":5}`).StatusCode)
	b.ledger.requireStates(t, "voided", "posted 3")
}

func TestTokensWithoutAUserSpendNothing(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	b := newBuyer(t, newLedger(-1), priced(upstream.URL()))
	token := b.token(map[string]any{"scope": "payments:send", "grant_id": nil, "sub": "app"})
	a := b.do(withBody(`{"amount":5}`, "POST /orders", bearer(token), "Content-Type: application/json"))
	requireRefused(t, a, 403, "insufficient_scope")
	require.Empty(t, upstream.Requests())
	require.Empty(t, b.ledger.states())
}

func TestALongAnswerPassesAndProvesNothing(t *testing.T) {
	long := `{"cost":3,"x":"` + strings.Repeat("x", 100<<10) + `"}`
	for name, script := range map[string]string{
		"with a length": answerFor(long),
		"in chunks":     chunkedHead + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(long), long),
		"to the end":    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + long,
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, func(c *gatewaytest.Conn) { c.ReadRequest(); c.Say(script); _ = c.Conn.Close() })
			b := newBuyer(t, newLedger(-1), priced(upstream.URL()))
			a := b.order(`{"amount":5}`)
			require.Equal(t, 200, a.StatusCode)
			require.Equal(t, long, a.Body)
			require.Equal(t, []string{"unknown"}, b.ledger.states())
		})
	}
}

func TestWhatIsHeldIsPostedWhereAnAnswerSaysNothing(t *testing.T) {
	upstream := newUpstream(t, answering("HTTP/1.1 204 No Content\r\n\r\n"))
	b := newBuyer(t, newLedger(-1), priced(upstream.URL(), func(s *gateway.Spending) { s.Settle, s.Cost = nil, "fixed:4" }))
	require.Equal(t, 204, b.do(gatewaytest.Raw("POST /orders", bearer(b.token(map[string]any{"scope": "payments:send"})), "Content-Length: 0")).StatusCode)
	require.Equal(t, []string{"posted 4"}, b.ledger.states())
}

// A process that was stopped after it had reserved does not send: somebody else may have found out meanwhile that nothing was.
func TestAHoldThatIsTooOldIsNotSent(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"cost":3}`)))
	var later atomic.Int64
	b := newBuyer(t, newLedger(-1), priced(upstream.URL()), func(c *gateway.Config) {
		c.Now = func() time.Time { return now.Add(time.Duration(later.Load())) }
	})
	b.ledger.reserve = func(context.Context, payment.Hold) error { later.Add(int64(time.Minute)); return nil }
	requireRefusedSpend(t, b.order(`{"amount":5}`), 503, "budget_unavailable")
	require.Empty(t, upstream.Requests())
	require.Equal(t, []string{"voided"}, b.ledger.states())
	b.ledger.reserve = func(context.Context, payment.Hold) error { later.Add(int64(10 * time.Second)); return nil }
	require.Equal(t, 200, b.order(`{"amount":5}`).StatusCode)
}
