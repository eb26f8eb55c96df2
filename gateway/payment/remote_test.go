package payment_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
	"gatehouse/gateway/payment"
)

func remoteLedger(t *testing.T, url string) *payment.RemoteLedger {
	t.Helper()
	l, err := payment.NewRemoteLedger(url, "a token")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// saying is what is behind the status line of an answer.
func saying(body string) string { return gatewaytest.WithLength(body)[len("HTTP/1.1 200 OK"):] }

var aHold = payment.Hold{
	ID: "A/1", Subject: "7", ClientID: "app", Unit: "sat", Once: "o", Route: "POST /x", Lookup: "l", Amount: 5, Within: 1500 * time.Millisecond,
}

func TestALedgerElsewhereIsAsked(t *testing.T) {
	renews := time.Date(2030, 2, 1, 0, 0, 0, 0, time.UTC)
	for status, test := range map[string]struct {
		body string
		want error
	}{
		"201 Created": {`{}`, nil},
		"403 Forbidden": {
			`{"error":"budget_exceeded","unit":"sat","limit":9,"remaining":4,"most_at_once":null,"renews_at":"2030-02-01T00:00:00Z"}`,
			&payment.BudgetExceededError{Unit: "sat", Limit: 9, Remaining: 4, MostAtOnce: -1, RenewsAt: renews},
		},
		"409 Conflict": {`{"error":"spent_already","state":"held"}`, &payment.SpentAlreadyError{State: "held"}},
	} {
		server := gatewaytest.NewUpstream(t, gatewaytest.Answering("HTTP/1.1 "+status+saying(test.body)))
		require.Equal(t, test.want, remoteLedger(t, server.URL()+"/base/").Reserve(t.Context(), aHold))
		asked := server.Only()
		require.Equal(t, "/base/spends", asked.Target)
		require.Equal(t, []string{"Bearer a token"}, asked.Values("Authorization"))
		require.JSONEq(t, `{"id":"A/1","subject":"7","client_id":"app","unit":"sat","once":"o","route":"POST /x","lookup":"l","amount":5,"within_ms":1500}`,
			asked.Body)
	}
	for status, want := range map[string]error{"204 No Content": nil, "404 Not Found": payment.ErrNoHold, "409 Conflict": payment.ErrNoHold} {
		server := gatewaytest.NewUpstream(t, gatewaytest.Answering("HTTP/1.1 "+status+"\r\n"+map[bool]string{true: "\r\n", false: "Content-Length: 2\r\n\r\n{}"}[want == nil]))
		err := remoteLedger(t, server.URL()).Settle(t.Context(), "A/1", payment.Outcome{State: payment.Posted, Cost: 3})
		require.ErrorIs(t, err, want)
		require.Equal(t, "/spends/A%2F1/outcome", server.Only().Target)
		require.JSONEq(t, `{"state":"posted","cost":3}`, server.Only().Body)
	}
}

// Whatever is no clear answer is none, and is not asked for again.
func TestALedgerThatGivesNoAnswer(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	for name, script := range map[string]gatewaytest.Script{
		"200":           gatewaytest.Answering(gatewaytest.WithLength(`{}`)),
		"a page":        gatewaytest.Answering("HTTP/1.1 201 Created" + saying("<html>")),
		"no token":      gatewaytest.Answering("HTTP/1.1 401 Who" + saying(`{"error":"invalid_token"}`)),
		"403 of others": gatewaytest.Answering("HTTP/1.1 403 No" + saying(`{"error":"forbidden"}`)),
		"an id twice":   gatewaytest.Answering("HTTP/1.1 409 Conflict" + saying(`{"error":"id_taken"}`)),
		"away":          gatewaytest.Answering("HTTP/1.1 503 Away" + saying(`{"error":"temporarily_unavailable"}`)),
		"a redirect":    gatewaytest.Answering("HTTP/1.1 307 There\r\nLocation: /other" + saying(`{}`)),
		"it hangs up":   func(c *gatewaytest.Conn) { c.ReadRequest() },
		"a cut": func(c *gatewaytest.Conn) {
			c.ReadRequest()
			c.Say("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{}")
		},
		"silence": func(c *gatewaytest.Conn) { c.ReadRequest(); c.Hold() },
	} {
		t.Run(name, func(t *testing.T) {
			server := gatewaytest.NewUpstream(t, script)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			err := remoteLedger(t, server.URL()).Reserve(ctx, aHold)
			require.Error(t, err)
			require.NotErrorAs(t, err, new(*payment.BudgetExceededError))
			require.NotErrorAs(t, err, new(*payment.SpentAlreadyError))
			require.Len(t, server.Requests(), 1)
			require.NotContains(t, err.Error(), "a token")
		})
	}
	require.Error(t, remoteLedger(t, "http://127.0.0.1:1").Settle(t.Context(), "x", payment.Outcome{State: payment.Voided}))
}

func TestALedgerThatCannotBeAsked(t *testing.T) {
	for at, token := range map[string]string{"authz:8083": "", "http://user:secret@authz": "", "http://authz": "a\r\nHost: other"} {
		_, err := payment.NewRemoteLedger(at, token)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
	}
}
