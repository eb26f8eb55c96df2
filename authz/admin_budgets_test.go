package authz_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

func (w *world) adminGet(path string) answer {
	w.Helper()
	return w.do(http.MethodGet, w.admin+path, "", nil)
}

func (w *world) adminSetBudget(body string) answer {
	w.Helper()
	return w.do(http.MethodPut, w.admin+"/admin/budgets", "application/json", strings.NewReader(body))
}

// spends reserves an amount of what the user lets app spend, and settles it in a state unless that is held.
func (w *world) spends(id, state string, amount int64) {
	w.Helper()
	key := w.budgetOf("app")
	_, _, err := w.config.Budgets.Reserve(w.Context(), registry.Spend{
		ID: id, Subject: key.Subject, ClientID: key.ClientID, Unit: key.Unit, Once: "hash-" + id, Route: "POST /pay", Amount: amount,
		InquireAt: w.clock.Now().Add(time.Minute),
	})
	require.NoError(w, err)
	if state != registry.Held {
		_, err = w.config.Budgets.Settle(w.Context(), id, registry.Outcome{State: state, InquireAt: w.clock.Now().Add(time.Hour)})
		require.NoError(w, err)
	}
}

func TestBudgetsOverTheAdminAPI(t *testing.T) {
	w := newWorld(t, withBudgets())
	require.JSONEq(t, `[]`, w.adminGet("/admin/budgets?subject="+subject).text)
	set := w.adminSetBudget(`{"subject":"` + subject + `","client_id":"app","unit":"sat","limit":100,"period":"none","max_payment":60}`)
	require.Equal(t, http.StatusOK, set.StatusCode, set.text)
	require.JSONEq(t, `{"subject":"`+subject+`","client_id":"app","unit":"sat","limit":100,"period":"none","max_payment":60,"spent":0,"held":0,
		"remaining":100,"renews_at":null}`, set.text)
	w.spends("1", registry.Held, 30)
	shown := w.adminGet("/admin/budgets?subject=" + subject + "&client_id=app")
	require.JSONEq(t, "["+strings.NewReplacer(`"held":0`, `"held":30`, `"remaining":100`, `"remaining":70`).Replace(set.text)+"]", shown.text)
	require.JSONEq(t, `[]`, w.adminGet("/admin/budgets?subject="+subject+"&client_id=other").text)
	var since registry.AuditRecord
	require.Contains(t, w.audit(&since), [3]string{"admin 127.0.0.1", "budget.set", subject})
	require.Contains(t, w.log.String(), `"msg":"budget set","actor":"admin 127.0.0.1"`)

	for body, want := range map[string]string{
		`{"subject":"a","client_id":"app","unit":"sat","period":"day"}`:                            "The limit is required",
		`{"subject":"a","client_id":"app","unit":"sat","limit":"5","period":"day"}`:                "A limit is a whole number",
		`{"subject":"a","client_id":"app","unit":"sat","limit":0.5,"period":"day"}`:                "A limit is a whole number",
		`{"subject":"a","client_id":"app","unit":"sat","limit":5}`:                                 "no such limit",
		`{"subject":"a","client_id":"app","unit":"sat","limit":-1,"period":"day"}`:                 "A limit is a whole number",
		`{"subject":"a","client_id":"app","unit":"sat","limit":5,"period":"fortnight"}`:            "no such limit",
		`{"subject":"a","client_id":"app","unit":"sats","limit":5,"period":"day"}`:                 "no route spends 'sats'",
		`{"subject":"a","client_id":"app","unit":"sat","limit":5,"period":"day","color":1}`:        "color",
		`{"subject":"","client_id":"app","unit":"sat","limit":5,"period":"day"}`:                   "",
		`{"subject":"a","client_id":"app","unit":"sat","limit":5,"period":"day","max_payment":-1}`: "A limit is a whole number",
	} {
		a := w.adminSetBudget(body)
		w.requireError(a, http.StatusBadRequest, "invalid_request")
		require.Contains(t, a.str("error_description"), want, body)
	}
	w.requireError(w.adminSetBudget(`{"subject":"a","client_id":"nobody","unit":"sat","limit":5,"period":"day"}`), http.StatusNotFound, "not_found")
	w.requireError(w.adminGet("/admin/budgets"), http.StatusBadRequest, "invalid_request")
	require.Empty(t, w.audit(&since))

	unlimited := w.adminSetBudget(`{"subject":"` + subject + `","client_id":"app","unit":"sat","limit":null}`)
	require.JSONEq(t, `{"subject":"`+subject+`","client_id":"app","unit":"sat","limit":null,"period":"none","max_payment":null,"spent":0,"held":30,
		"remaining":null,"renews_at":null}`, unlimited.text)
}

func TestPaymentsOverTheAdminAPI(t *testing.T) {
	w := newWorld(t, withBudgets())
	w.setLimit(100, "none")
	begin := w.clock.Now().UTC()
	for i, state := range []string{registry.Unknown, registry.Unknown, registry.Held, registry.Posted} {
		w.spends(string(rune('1'+i)), state, 10)
		w.clock.Advance(time.Second)
	}
	ids := func(a answer) (found string) {
		require.Equal(t, http.StatusOK, a.StatusCode, a.text)
		for part := range strings.SplitSeq(a.text, `"id":"`) {
			if !strings.HasPrefix(part, "[") {
				found += part[:1]
			}
		}
		return found
	}
	of := "/admin/spends?subject=" + subject + "&client_id=app"
	require.Equal(t, "4321", ids(w.adminGet(of)))
	require.Equal(t, "21", ids(w.adminGet(of+"&after=3")))
	require.Equal(t, "12", ids(w.adminGet("/admin/spends?state=unknown")))
	first := w.adminGet("/admin/spends?state=unknown&after=1")
	at := begin.Truncate(time.Microsecond).Add(time.Second)
	require.JSONEq(t, `[{"id":"2","subject":"`+subject+`","client_id":"app","unit":"sat","once":"hash-2","route":"POST /pay","state":"unknown",
		"held":10,"cost":0,"reserved_at":"`+at.Format(time.RFC3339Nano)+`","inquire_at":"`+at.Add(time.Hour).Format(time.RFC3339Nano)+`","inquiries":0}]`, first.text)
	for _, bad := range []string{
		"/admin/spends", "/admin/spends?subject=a", "/admin/spends?state=posted", "/admin/spends?state=unknown&subject=a", of + "&after=none",
	} {
		w.requireError(w.adminGet(bad), http.StatusBadRequest, "invalid_request")
	}

	var since registry.AuditRecord
	w.audit(&since)
	for _, bad := range []string{`{}`, `{"state":"posted"}`, `{"state":"unknown"}`, `{"state":"voided","cost":1}`, `{"state":"posted","cost":-1}`} {
		w.requireError(w.adminPost("/admin/spends/1/resolve", bad), http.StatusBadRequest, "invalid_request")
	}
	w.requireError(w.adminPost("/admin/spends/none/resolve", `{"state":"voided"}`), http.StatusNotFound, "not_found")
	flying := w.adminPost("/admin/spends/3/resolve", `{"state":"voided"}`)
	w.requireError(flying, http.StatusConflict, "conflict")
	require.Contains(t, flying.str("error_description"), "may be in flight")
	require.Empty(t, w.audit(&since))

	for range 2 {
		resolved := w.adminPost("/admin/spends/1/resolve", `{"state":"posted","cost":12}`)
		require.Equal(t, http.StatusOK, resolved.StatusCode, resolved.text)
		require.Equal(t, "posted", resolved.str("state"))
	}
	otherwise := w.adminPost("/admin/spends/1/resolve", `{"state":"voided"}`)
	w.requireError(otherwise, http.StatusConflict, "conflict")
	require.Contains(t, otherwise.str("error_description"), "posted already, at a cost of 12")
	require.Equal(t, http.StatusOK, w.adminPost("/admin/spends/2/resolve", `{"state":"voided"}`).StatusCode)
	require.Equal(t, [][3]string{{"admin 127.0.0.1", "spend.settle", "1"}, {"admin 127.0.0.1", "spend.settle", "2"}}, w.audit(&since))
	b, _, err := w.config.Budgets.Of(t.Context(), w.budgetOf("app"))
	require.NoError(t, err)
	require.EqualValues(t, 100-12-10-0, b.Left(), "what is held stays held")
}
