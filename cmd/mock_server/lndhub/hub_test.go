package lndhub_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"gatehouse/cmd/mock_server/lndhub"
)

func TestWhichTokensPass(t *testing.T) {
	h := startHub(t)
	in := func(d time.Duration) int64 { return h.now().Add(d).Unix() }
	sign := func(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
		token, err := jwt.NewWithClaims(method, claims).SignedString(key)
		require.NoError(t, err)
		return token
	}
	const badAuth, passes = `{"error":true,"code":1,"message":"bad auth"}`, `{"balance":0,"currency":"BTC","unit":"sat"}`
	for name, test := range map[string]struct{ token, answer string }{
		"the gateway's":            {h.token(jwt.MapClaims{"id": 2, "exp": in(time.Minute), "isRefresh": false, "clientId": "app"}), passes},
		"without an end":           {h.token(jwt.MapClaims{"id": 2}), passes},
		"a refresh token":          {h.token(jwt.MapClaims{"id": 2, "exp": in(time.Minute), "isRefresh": true}), passes},
		"nothing":                  {"", badAuth},
		"no JWT":                   {"abc", badAuth},
		"another secret":           {sign(jwt.SigningMethodHS256, []byte("other"), jwt.MapClaims{"id": 2}), badAuth},
		"another algorithm":        {sign(jwt.SigningMethodHS512, secret, jwt.MapClaims{"id": 2}), badAuth},
		"unsigned":                 {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, jwt.MapClaims{"id": 2}), badAuth},
		"expired":                  {h.token(jwt.MapClaims{"id": 2, "exp": in(-time.Second)}), badAuth},
		"of the future":            {h.token(jwt.MapClaims{"id": 2, "iat": in(time.Minute)}), badAuth},
		"not yet":                  {h.token(jwt.MapClaims{"id": 2, "nbf": in(time.Minute)}), badAuth},
		"an id that is a text":     {h.token(jwt.MapClaims{"id": "2"}), badAuth},
		"an end that is no number": {h.token(jwt.MapClaims{"id": 2, "exp": "soon"}), badAuth},
		"without an id":            {h.token(jwt.MapClaims{"exp": in(time.Minute)}), `"Unauthorized"`},
		"of nobody":                {h.token(jwt.MapClaims{"id": 99}), badAuth},
		"of a suspended user":      {h.token(jwt.MapClaims{"id": 3}), badAuth},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, answer := h.ask("GET", "/v2/balance", test.token, "", "")
			require.Equal(t, test.answer, strings.TrimSpace(string(answer)))
			require.Equal(t, map[bool]int{true: 200, false: 401}[test.answer == passes], status)
		})
	}
}

// blockedNode pays when it is told to.
func blockedNode(paid chan error) func(*lndhub.Config) {
	return func(c *lndhub.Config) {
		c.Pay = func(lndhub.Invoice) (int64, error) { return 3, <-paid }
	}
}

func TestAPaymentGoesOnWhenItsCallerHasGone(t *testing.T) {
	for _, path := range []string{"/v2/payments/bolt11", "/v2/payments/keysend", "/payinvoice"} {
		t.Run(path, func(t *testing.T) {
			paid := make(chan error)
			h := startHub(t, blockedNode(paid))
			body := `{"invoice":"` + h.Elsewhere(shopKey, 1000, "").Request + `"}`
			if strings.HasSuffix(path, "keysend") {
				body = `{"amount":1000,"destination":"` + shopKey + `"}`
			}
			ctx, hangUp := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, "POST", h.url+path, strings.NewReader(body))
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+h.token(jwt.MapClaims{"id": 1}))
			r.Header.Set("Content-Type", "application/json")
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				if response, err := http.DefaultClient.Do(r); err == nil {
					_ = response.Body.Close()
				}
			}()
			require.Eventually(t, func() bool { return h.Balance(1) == 100_000-1000-10 }, 10*time.Second, time.Millisecond,
				"amount and ceiling of the fee are held")
			hangUp()
			<-gone
			state := func(i lndhub.Invoice) string { return i.State }
			underWay := h.Invoices(1, func(i *lndhub.Invoice) bool { return i.Type == lndhub.Outgoing })
			require.Len(t, underWay, 1)
			require.Equal(t, lndhub.Initialized, state(underWay[0]))
			status, answer := h.as(1, "GET", "/v2/invoices/"+underWay[0].Hash, "")
			require.Equal(t, 200, status)
			require.Equal(t, "initialized", answer["status"])

			paid <- nil
			require.Eventually(t, func() bool { return h.Balance(1) == 100_000-1000-3 }, 10*time.Second, time.Millisecond)
			_, answer = h.as(1, "GET", "/v2/invoices/"+underWay[0].Hash, "")
			require.Equal(t, "settled", answer["status"])
			require.EqualValues(t, 3, answer["fee"])
		})
	}
}

func TestServiceFeeAndFeeReserve(t *testing.T) {
	h := startHub(t, func(c *lndhub.Config) { c.ServiceFee, c.FeeReserve, c.MaxFee = 5, true, 50 })
	pay := func(amount int64) (int, map[string]any) {
		return h.as(1, "POST", "/v2/payments/bolt11", `{"invoice":"`+h.Elsewhere(shopKey, amount, "").Request+`"}`)
	}
	status, answer := pay(99_500) // 498 of the service, at most 50 for the route
	require.Equal(t, 400, status)
	require.Contains(t, answer["message"], "not enough balance")
	status, answer = pay(99_450)
	require.Equal(t, 200, status, answer)
	require.EqualValues(t, 100+498, answer["fee"], "the answer has both fees in one")
	require.EqualValues(t, 100_000-99_450-598, h.Balance(1), "a route may cost more than was held")
}

func TestLimitOfRequestsIsByForwardedAddress(t *testing.T) {
	h := startHub(t, func(c *lndhub.Config) { c.RateLimit = 0 })
	from := func(headers ...string) int {
		status, _, answer := h.ask("GET", "/v2/balance", "", "", "", headers...)
		if status == http.StatusTooManyRequests {
			require.Equal(t, `"rate limit exceeded"`, strings.TrimSpace(string(answer)))
		}
		return status
	}
	for range 10 {
		require.Equal(t, 401, from("X-Forwarded-For", "192.0.2.1"))
	}
	require.Equal(t, 429, from("X-Forwarded-For", "192.0.2.1"))
	require.Equal(t, 429, from("X-Forwarded-For", "192.0.2.1, 192.0.2.9"), "the first of them counts, whoever wrote it")
	require.Equal(t, 429, from("X-Real-Ip", "192.0.2.1"))
	require.Equal(t, 401, from("X-Forwarded-For", "192.0.2.2"))
	require.Equal(t, 401, from())
	h.pass(100 * time.Millisecond)
	require.Equal(t, 401, from("X-Forwarded-For", "192.0.2.1"))
	require.Equal(t, 429, from("X-Forwarded-For", "192.0.2.1"))
}

func TestPaymentsOfAUserAreLimited(t *testing.T) {
	h := startHub(t, func(c *lndhub.Config) { c.StrictRateLimit = 0 })
	status, _ := h.as(1, "POST", "/v2/payments/bolt11", `{}`)
	require.Equal(t, 400, status)
	status, answer := h.as(1, "POST", "/v2/payments/keysend", `{}`)
	require.Equal(t, 429, status)
	require.Equal(t, map[string]any{"error": true, "code": 1.0, "message": "Too many requests"}, answer)
	status, _ = h.as(2, "POST", "/v2/payments/keysend", `{}`)
	require.Equal(t, 400, status)
	status, _ = h.as(1, "GET", "/v2/balance", "")
	require.Equal(t, 200, status)
	h.pass(100 * time.Millisecond)
	status, _ = h.as(1, "POST", "/v2/payments/keysend", `{}`)
	require.Equal(t, 400, status)
}

func TestTroubles(t *testing.T) {
	h := startHub(t)
	const login = `{"login":"ann","password":"secret"}`
	h.Trouble("/auth", lndhub.Page)
	status, header, _ := h.ask("POST", "/auth", "", "application/json", login)
	require.Equal(t, 200, status)
	require.Contains(t, header.Get("Content-Type"), "text/html")

	h.Trouble("/auth", lndhub.Cut)
	r, err := http.NewRequestWithContext(t.Context(), "POST", h.url+"/auth", strings.NewReader(login))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	_, err = bufio.NewReader(response.Body).ReadString(0)
	require.ErrorContains(t, err, "unexpected EOF")

	release, answered := make(chan struct{}), make(chan int)
	h.Trouble("/auth", lndhub.Until(release))
	go func() {
		status, _, _ := h.ask("POST", "/auth", "", "application/json", login)
		answered <- status
	}()
	select {
	case <-answered:
		t.Error("it did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	require.Equal(t, 200, <-answered)

	h.Trouble("/auth", nil)
	status, _, _ = h.ask("POST", "/auth", "", "application/json", login)
	require.Equal(t, 200, status)
}

func TestUnknownUsersCanBeLetIn(t *testing.T) {
	h := startHub(t, func(c *lndhub.Config) {
		c.Unknown = func(id int64) (lndhub.User, []lndhub.Invoice, bool) {
			return lndhub.User{ID: id, Login: fmt.Sprint(id)}, nil, id == 77
		}
	})
	status, _ := h.as(77, "GET", "/v2/balance", "")
	require.Equal(t, 200, status)
	status, _ = h.as(78, "GET", "/v2/balance", "")
	require.Equal(t, 401, status)
	status, _, _ = h.ask("POST", "/auth", "", "application/json", `{"login":"77","password":""}`)
	require.Equal(t, 401, status, "there is no password")
}

// However payments interleave, each is made once, no amount is paid that is not there and none appears.
func TestConcurrentPayments(t *testing.T) {
	h := startHub(t)
	_, once := h.as(2, "POST", "/v2/invoices", `{"amount":60}`)
	var paid atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if status, _ := h.as(1, "POST", "/v2/payments/bolt11", fmt.Sprintf(`{"invoice":%q}`, once["payment_request"])); status == 200 {
				paid.Add(1)
			}
		})
		all.Go(func() {
			_, rent := h.as(2, "POST", "/v2/invoices", `{"amount":8000}`)
			h.as(1, "POST", "/v2/payments/bolt11", fmt.Sprintf(`{"invoice":%q}`, rent["payment_request"]))
			h.as(1, "GET", "/v2/invoices/outgoing", "")
			h.as(1, "POST", "/v2/payments/keysend", `{"amount":1,"destination":"`+shopKey+`"}`)
		})
	}
	all.Wait()
	require.EqualValues(t, 1, paid.Load())
	require.Less(t, h.Balance(1), int64(8_000), "as many were paid as there was money for")
	spent := int64(0)
	for _, i := range h.Invoices(1, func(i *lndhub.Invoice) bool { return i.Type == lndhub.Outgoing && i.State == lndhub.Settled }) {
		spent += i.Amount + i.Fee
	}
	require.EqualValues(t, 100_000-spent, h.Balance(1))
}
