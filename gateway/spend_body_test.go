package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/gateway/payment"
)

// What cannot be read in one way is not sent. What each reader refuses is tested with internal/spend.
func TestCostsThatCannotBeReadAreNotSent(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"cost":1}`)))
	b := newBuyer(t, newLedger(-1), priced(upstream.URL()))
	token := bearer(b.token(map[string]any{"scope": "payments:send"}))
	for name, request := range map[string]string{
		"a duplicate member":       withBody(`{"amount":1,"amount":9}`, "POST /orders", token, "Content-Type: application/json"),
		"a string":                 withBody(`{"amount":"1"}`, "POST /orders", token, "Content-Type: application/json"),
		"no type":                  withBody(`{"amount":1}`, "POST /orders", token),
		"two types":                withBody(`{"amount":1}`, "POST /orders", token, "Content-Type: application/json", "Content-Type: text/plain"),
		"another encoding":         withBody(`{"amount":1}`, "POST /orders", token, "Content-Type: application/json", "Content-Encoding: gzip"),
		"an encoding that is none": withBody(`{"amount":1}`, "POST /orders", token, "Content-Type: application/json", "Content-Encoding: identity"),
		"another charset":          withBody(`{"amount":1}`, "POST /orders", token, "Content-Type: application/json; charset=utf-16"),
		"no body":                  raw("POST /orders", token, "Content-Type: application/json", "Content-Length: 0"),
		"two keys":                 withBody(`{"amount":1}`, "POST /orders", token, "Content-Type: application/json", "Idempotency-Key: a", "Idempotency-Key: b"),
	} {
		a := b.do(request)
		requireRefused(t, a, 400, "unreadable_cost")
		require.NotContains(t, a.Body, "amount\"", name)
	}
	require.Empty(t, upstream.Requests())
	require.Empty(t, b.ledger.states())
	for _, seen := range b.observed() {
		require.Equal(t, payment.Spent{Outcome: payment.SpendRefused, Reason: payment.Unreadable}, seen)
	}
}

func TestInvoicesThatCannotBePaidAreNotSent(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	pay := func(body string, route gateway.Route, now time.Time) answer {
		b := newBuyer(t, newLedger(-1), route, at(now))
		a := b.do(b.request("/v2/payments/bolt11", body))
		require.Empty(t, b.ledger.states())
		return a
	}
	plain := paying(upstream.URL())
	onTestnet := paying(upstream.URL(), func(r *gateway.Route) { r.Spend.Network = "tb" })
	for name, test := range map[string]struct {
		body  string
		route gateway.Route
		now   time.Time
		says  string
	}{
		"expired":                {`{"invoice":"` + invoice + `"}`, plain, beforeItExpires.Add(time.Hour), "has expired"},
		"of another network":     {`{"invoice":"` + invoice + `"}`, onTestnet, beforeItExpires, "another network"},
		"in a mixture of cases":  {`{"invoice":"L` + invoice[1:] + `"}`, plain, beforeItExpires, "no BOLT 11"},
		"in a member that folds": {`{"invoice":"` + invoice + `","inVoice":"x"}`, plain, beforeItExpires, "differs only in case"},
	} {
		a := pay(test.body, test.route, test.now)
		requireRefused(t, a, 400, "unreadable_cost")
		require.Contains(t, member(t, a, "error_description"), test.says, name)
		require.NotContains(t, a.Body, "lnbc")
	}
	require.Empty(t, upstream.Requests())
}

// The bytes that were read are the bytes that are sent, whatever the framing was.
func TestTheBodyThatWasReadIsTheBodyThatIsSent(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"cost":1}`)))
	b := newBuyer(t, newLedger(-1), priced(upstream.URL()))
	head := gatewaytest.Raw("POST /orders", bearer(b.token(map[string]any{"scope": "payments:send"})), "Content-Type: application/json",
		"Transfer-Encoding: chunked", "Trailer: X-Amount", "Accept-Encoding: gzip", "Expect: 100-continue")
	body := "{ \"amount\" : 1,\t\"x\":\"" + strings.Repeat("\u00fc", 20<<10) + "\"}\r\n"
	var chunks strings.Builder
	for rest := body; rest != ""; {
		part := rest[:min(len(rest), 7000)]
		_, _ = fmt.Fprintf(&chunks, "%x;ext=1\r\n%s\r\n", len(part), part)
		rest = rest[len(part):]
	}
	caller := b.dial()
	caller.Send(head)
	require.Equal(t, 100, caller.Begin().StatusCode)
	caller.Send(chunks.String() + "0\r\nX-Amount: 9\r\n\r\n")
	require.Equal(t, 200, caller.Receive("POST").StatusCode)
	sent := upstream.Only()
	require.Equal(t, body, sent.Body)
	require.Equal(t, []string{fmt.Sprint(len(body))}, sent.Values("Content-Length"))
	for _, name := range []string{"Transfer-Encoding", "Trailer", "X-Amount", "Accept-Encoding", "Expect"} {
		require.Empty(t, sent.Values(name))
	}
	require.Equal(t, []string{"posted 1"}, b.ledger.states())
}

func TestABodyThatIsTooLargeIsNotRead(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	b := newBuyer(t, newLedger(-1), priced(upstream.URL()))
	big := `{"amount":1,"x":"` + strings.Repeat("x", 64<<10) + `"}`
	requireRefused(t, b.order(big), 413, "invalid_request")
	inChunks := gatewaytest.Raw("POST /orders", bearer(b.token(map[string]any{"scope": "payments:send"})), "Content-Type: application/json",
		"Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(big), big)
	requireRefused(t, b.do(inChunks), 413, "invalid_request")
	require.Empty(t, upstream.Requests())
	require.Empty(t, b.ledger.states())
}
