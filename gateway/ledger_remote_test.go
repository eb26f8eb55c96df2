package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
)

func remoteLedger(t *testing.T, url string) *gateway.RemoteLedger {
	t.Helper()
	l, err := gateway.NewRemoteLedger(url, "a token")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// saying is what is behind the status line of an answer.
func saying(body string) string { return gatewaytest.WithLength(body)[len("HTTP/1.1 200 OK"):] }

var aHold = gateway.Hold{
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
			&gateway.BudgetExceededError{Unit: "sat", Limit: 9, Remaining: 4, MostAtOnce: -1, RenewsAt: renews},
		},
		"409 Conflict": {`{"error":"spent_already","state":"held"}`, &gateway.SpentAlreadyError{State: "held"}},
	} {
		server := newUpstream(t, answering("HTTP/1.1 "+status+saying(test.body)))
		require.Equal(t, test.want, remoteLedger(t, server.URL()+"/base/").Reserve(t.Context(), aHold))
		asked := server.Only()
		require.Equal(t, "/base/spends", asked.Target)
		require.Equal(t, []string{"Bearer a token"}, asked.Values("Authorization"))
		require.JSONEq(t, `{"id":"A/1","subject":"7","client_id":"app","unit":"sat","once":"o","route":"POST /x","lookup":"l","amount":5,"within_ms":1500}`,
			asked.Body)
	}
	for status, want := range map[string]error{"204 No Content": nil, "404 Not Found": gateway.ErrNoHold, "409 Conflict": gateway.ErrNoHold} {
		server := newUpstream(t, answering("HTTP/1.1 "+status+"\r\n"+map[bool]string{true: "\r\n", false: "Content-Length: 2\r\n\r\n{}"}[want == nil]))
		err := remoteLedger(t, server.URL()).Settle(t.Context(), "A/1", gateway.Outcome{State: gateway.Posted, Cost: 3})
		require.ErrorIs(t, err, want)
		require.Equal(t, "/spends/A%2F1/outcome", server.Only().Target)
		require.JSONEq(t, `{"state":"posted","cost":3}`, server.Only().Body)
	}
}

// Whatever is no clear answer is none, and is not asked for again.
func TestALedgerThatGivesNoAnswer(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	for name, script := range map[string]gatewaytest.Script{
		"200":           answering(answerFor(`{}`)),
		"a page":        answering("HTTP/1.1 201 Created" + saying("<html>")),
		"no token":      answering("HTTP/1.1 401 Who" + saying(`{"error":"invalid_token"}`)),
		"403 of others": answering("HTTP/1.1 403 No" + saying(`{"error":"forbidden"}`)),
		"an id twice":   answering("HTTP/1.1 409 Conflict" + saying(`{"error":"id_taken"}`)),
		"away":          answering("HTTP/1.1 503 Away" + saying(`{"error":"temporarily_unavailable"}`)),
		"a redirect":    answering("HTTP/1.1 307 There\r\nLocation: /other" + saying(`{}`)),
		"it hangs up":   func(c *gatewaytest.Conn) { c.ReadRequest() },
		"a cut": func(c *gatewaytest.Conn) {
			c.ReadRequest()
			c.Say("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{}")
		},
		"silence": func(c *gatewaytest.Conn) { c.ReadRequest(); c.Hold() },
	} {
		t.Run(name, func(t *testing.T) {
			server := newUpstream(t, script)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			err := remoteLedger(t, server.URL()).Reserve(ctx, aHold)
			require.Error(t, err)
			require.NotErrorAs(t, err, new(*gateway.BudgetExceededError))
			require.NotErrorAs(t, err, new(*gateway.SpentAlreadyError))
			require.Len(t, server.Requests(), 1)
			require.NotContains(t, err.Error(), "a token")
		})
	}
	require.Error(t, remoteLedger(t, "http://127.0.0.1:1").Settle(t.Context(), "x", gateway.Outcome{State: gateway.Voided}))
}

func TestALedgerThatCannotBeAsked(t *testing.T) {
	for at, token := range map[string]string{"authz:8083": "", "http://user:secret@authz": "", "http://authz": "a\r\nHost: other"} {
		_, err := gateway.NewRemoteLedger(at, token)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
	}
}

// A gateway on its own does what one beside its ledger does.
func TestAGatewayAsksALedgerElsewhere(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/spends" {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte("{}"))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	upstream := newUpstream(t, answering(answerFor(`{"cost":3}`)))
	s := newSystem(t, []gateway.Route{priced(upstream.URL())}, options{config: func(c *gateway.Config) { c.Ledger = remoteLedger(t, server.URL) }})
	request := withBody(`{"amount":5}`, "POST /orders", bearer(s.token(map[string]any{"scope": "payments:send"})), "Content-Type: application/json")
	require.Equal(t, 200, s.do(request).StatusCode)
	server.CloseClientConnections()
	server.Close()
	requireRefused(t, s.do(request), 503, "budget_unavailable")
	require.Len(t, upstream.Requests(), 1)
}
