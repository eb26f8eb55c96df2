package budget_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

const gatewayToken = "the token that gateways on their own have"

// served is an API over HTTP, as a gateway on its own meets it.
type served struct {
	t      *testing.T
	ledger *budget.Ledger
	clock  *registrytest.Clock
	url    string
	log    *bytes.Buffer
}

func serve(t *testing.T, token string) *served {
	t.Helper()
	s := &served{t: t, log: new(bytes.Buffer)}
	s.ledger, s.clock = newLedger(t)
	api := budget.API{Ledger: s.ledger, Token: token, Log: slog.New(slog.NewTextHandler(s.log, nil))}
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *served) ask(method, path, body string, header http.Header) (status int, answer string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(s.t, err)
	request.Header = header
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return response.StatusCode, strings.TrimSpace(string(text))
}

func (s *served) post(path, body string) (status int, answer string) {
	s.t.Helper()
	return s.ask(http.MethodPost, path, body, http.Header{"Authorization": {"Bearer " + gatewayToken}})
}

func (s *served) requireAnswer(wantStatus int, want, path, body string) {
	s.t.Helper()
	status, answer := s.post(path, body)
	require.Equal(s.t, wantStatus, status, answer)
	if want == "" {
		require.Empty(s.t, answer)
		return
	}
	require.JSONEq(s.t, want, answer)
}

func questionOf(id, amount string) string {
	return `{"id":"` + id + `","subject":"ann","client_id":"app","unit":"sat","once":"hash-` + id + `","route":"POST /pay","lookup":"look",` +
		`"amount":` + amount + `,"within_ms":90000}`
}

func TestAGatewayReservesAndSettles(t *testing.T) {
	s := serve(t, gatewayToken)
	allow(t, s.ledger, 100, budget.Month)
	s.requireAnswer(http.StatusCreated, `{}`, "/spends", questionOf("1", "60"))
	held := requireState(t, s.ledger, "1", registry.Held, 0)
	require.Equal(t, registry.Spend{
		ID: "1", Subject: "ann", ClientID: "app", Unit: "sat", Once: "hash-1", Route: "POST /pay", Lookup: "look", State: registry.Held,
		Amount: 60, ReservedAt: noon, InquireAt: noon.Add(90 * time.Second),
	}, held)
	s.requireAnswer(http.StatusForbidden,
		`{"error":"budget_exceeded","unit":"sat","limit":100,"remaining":40,"most_at_once":null,"renews_at":"2031-04-01T00:00:00Z"}`,
		"/spends", questionOf("2", "41"))
	s.requireAnswer(http.StatusConflict, `{"error":"spent_already","state":"held"}`, "/spends",
		strings.Replace(questionOf("1", "1"), `"id":"1"`, `"id":"3"`, 1))

	for range 2 { // an answer may be lost
		s.requireAnswer(http.StatusNoContent, "", "/spends/1/outcome", `{"state":"posted","cost":61}`)
	}
	requireState(t, s.ledger, "1", registry.Posted, 61)
	s.requireAnswer(http.StatusConflict, `{"error":"settled_otherwise"}`, "/spends/1/outcome", `{"state":"voided","cost":0}`)
	s.requireAnswer(http.StatusNotFound, `{"error":"not_found"}`, "/spends/2/outcome", `{"state":"voided"}`)

	s.requireAnswer(http.StatusCreated, `{}`, "/spends", questionOf("4", "39"))
	s.requireAnswer(http.StatusNoContent, "", "/spends/4/outcome", `{"state":"unknown"}`)
	require.Equal(t, noon, requireState(t, s.ledger, "4", registry.Unknown, 0).InquireAt, "somebody finds out at once")
	s.requireAnswer(http.StatusConflict, `{"error":"id_taken"}`, "/spends", strings.Replace(questionOf("4", "0"), "hash-4", "other", 1))
}

func TestABudgetWithoutLimitsSaysNull(t *testing.T) {
	s := serve(t, gatewayToken)
	_, err := s.ledger.Set(t.Context(), ann, budget.Limit{Most: budget.NoLimit, Period: budget.None, MostAtOnce: 5})
	require.NoError(t, err)
	s.requireAnswer(http.StatusForbidden,
		`{"error":"budget_exceeded","unit":"sat","limit":null,"remaining":null,"most_at_once":5,"renews_at":null}`,
		"/spends", questionOf("1", "6"))
}

func TestWhatNoGatewayAsksIsRefused(t *testing.T) {
	s := serve(t, gatewayToken)
	good := questionOf("1", "1")
	for name, body := range map[string]string{
		"nothing":         "",
		"no amount":       strings.Replace(good, `"amount":1,`, "", 1),
		"less than none":  questionOf("1", "-1"),
		"a part":          questionOf("1", "0.5"),
		"too much":        questionOf("1", "9007199254740992"),
		"a text":          questionOf("1", `"1"`),
		"another member":  strings.Replace(good, `"amount"`, `"more":1,"amount"`, 1),
		"something after": good + `{}`,
		"no time":         strings.Replace(good, "90000", "0", 1),
		"for ever":        strings.Replace(good, "90000", "9223372036854775807", 1),
		"nobody":          strings.Replace(good, `"ann"`, `""`, 1),
	} {
		status, answer := s.post("/spends", body)
		require.Equal(t, http.StatusBadRequest, status, name)
		require.JSONEq(t, `{"error":"invalid_request"}`, answer, name)
	}
	s.requireAnswer(http.StatusRequestEntityTooLarge, `{"error":"invalid_request"}`, "/spends",
		strings.Replace(good, "look", strings.Repeat("x", 20<<10), 1))
	s.requireAnswer(http.StatusCreated, `{}`, "/spends", good)
	for _, body := range []string{
		`{"state":"posted"}`, `{"state":"held"}`, `{"state":"posted","cost":-1}`, `{"state":"voided","cost":1}`, `{}`, `[]`,
	} {
		s.requireAnswer(http.StatusBadRequest, `{"error":"invalid_request"}`, "/spends/1/outcome", body)
	}
	requireState(t, s.ledger, "1", registry.Held, 0)
	s.requireAnswer(http.StatusNotFound, `{"error":"not_found"}`, "/", "")
}

func TestOnlyWhoHasTheTokenIsAnswered(t *testing.T) {
	s := serve(t, gatewayToken)
	for _, authorization := range []string{"", "Bearer ", "Bearer wrong", "bearer", gatewayToken, "Basic " + gatewayToken} {
		status, answer := s.ask(http.MethodPost, "/spends", questionOf("1", "1"), http.Header{"Authorization": {authorization}})
		require.Equal(t, http.StatusUnauthorized, status, authorization)
		require.JSONEq(t, `{"error":"invalid_token"}`, answer)
	}
	_, err := s.ledger.Registry.Spend(t.Context(), "1")
	require.ErrorIs(t, err, registry.ErrNotFound)
}

// Without a token a page that the operator's browser shows could spend.
func TestWithoutATokenOnlyProgramsOfThisMachineAreAnswered(t *testing.T) {
	s := serve(t, "")
	for id, header := range map[string]http.Header{
		"rebound": {"Host": {"attacker.example"}},
		"page":    {"Origin": {"https://attacker.example"}},
		"form":    {"Sec-Fetch-Site": {"cross-site"}},
	} {
		status, _ := s.ask(http.MethodPost, "/spends", questionOf(id, "1"), header)
		require.Equal(t, http.StatusUnauthorized, status, id)
	}
	status, _ := s.ask(http.MethodPost, "/spends", questionOf("1", "1"), http.Header{})
	require.Equal(t, http.StatusCreated, status)
}

func TestADatabaseThatIsAwayIsNoDetailForGateways(t *testing.T) {
	s := serve(t, gatewayToken)
	require.NoError(t, s.ledger.Registry.Close())
	s.requireAnswer(http.StatusServiceUnavailable, `{"error":"temporarily_unavailable"}`, "/spends", questionOf("1", "1"))
	require.Contains(t, s.log.String(), "closed", "the log has it")
}
