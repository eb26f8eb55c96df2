package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

var testSecret = []byte("upstream-test")

// demoWallet is the demo upstream on a socket, with a clock that tests move.
type demoWallet struct {
	t      *testing.T
	url    string
	ledger *ledger
	clock  time.Time
}

func startWallet(t *testing.T) *demoWallet {
	d := &demoWallet{t: t, clock: time.Now()}
	now := func() time.Time { return d.clock }
	d.ledger = newLedger(now)
	server := httptest.NewServer((&upstream{ledger: d.ledger, secret: testSecret, now: now}).Handler())
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// call makes a request as the user and decodes the answer.
func (d *demoWallet) call(user int64, method, path, body string) (int, map[string]any) {
	d.t.Helper()
	token, err := userJWT(testSecret, user, d.clock, time.Minute)
	require.NoError(d.t, err)
	status, answer := d.callWith("Bearer "+token, method, path, body)
	object, _ := answer.(map[string]any)
	return status, object
}

func (d *demoWallet) callWith(authorization, method, path, body string) (int, any) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	require.NoError(d.t, err)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(d.t, err)
	defer response.Body.Close()
	require.Equal(d.t, "application/json", response.Header.Get("Content-Type"))
	var answer any
	require.NoError(d.t, json.NewDecoder(response.Body).Decode(&answer))
	return response.StatusCode, answer
}

func (d *demoWallet) balance(user int64) int64 {
	d.t.Helper()
	status, answer := d.call(user, "GET", "/balance", "")
	require.Equal(d.t, http.StatusOK, status)
	require.Equal(d.t, "BTC", answer["currency"])
	require.Equal(d.t, "sat", answer["unit"])
	return int64(answer["balance"].(float64))
}

func (d *demoWallet) createInvoice(user int64, body string) (request, hash string) {
	d.t.Helper()
	status, answer := d.call(user, "POST", "/invoices", body)
	require.Equal(d.t, http.StatusOK, status)
	return answer["payment_request"].(string), answer["payment_hash"].(string)
}

func pay(request string) string { return `{"invoice":"` + request + `"}` }

func TestUpstreamRefusesWhatLndhubRefuses(t *testing.T) {
	d := startWallet(t)
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	sign := func(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
		token, err := jwt.NewWithClaims(method, claims).SignedString(key)
		require.NoError(t, err)
		return "Bearer " + token
	}
	tests := []struct{ name, authorization string }{
		{"nothing", ""},
		{"no token", "Bearer "},
		{"basic", "Basic bG9naW46cGFzc3dvcmQ="},
		{"no jwt", "Bearer abc"},
		{"another secret", sign(jwt.SigningMethodHS256, []byte("other"), jwt.MapClaims{"id": 1, "exp": in(time.Hour)})},
		{"another algorithm", sign(jwt.SigningMethodHS512, testSecret, jwt.MapClaims{"id": 1, "exp": in(time.Hour)})},
		{"unsigned", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, jwt.MapClaims{"id": 1, "exp": in(time.Hour)})},
		{"expired", sign(jwt.SigningMethodHS256, testSecret, jwt.MapClaims{"id": 1, "exp": in(-time.Second)})},
		{"without exp", sign(jwt.SigningMethodHS256, testSecret, jwt.MapClaims{"id": 1})},
		{"without id", sign(jwt.SigningMethodHS256, testSecret, jwt.MapClaims{"exp": in(time.Hour)})},
		{"id as a string", sign(jwt.SigningMethodHS256, testSecret, jwt.MapClaims{"id": "1", "exp": in(time.Hour)})},
		{"refresh token", sign(jwt.SigningMethodHS256, testSecret, jwt.MapClaims{"id": 1, "exp": in(time.Hour), "isRefresh": true})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, answer := d.callWith(test.authorization, "GET", "/balance", "")
			require.Equal(t, http.StatusUnauthorized, status)
			require.Equal(t, map[string]any{"error": true, "code": 1.0, "message": "bad auth"}, answer)
		})
	}
	status, _ := d.callWith(sign(jwt.SigningMethodHS256, testSecret, jwt.MapClaims{"id": 1, "exp": in(time.Hour), "isRefresh": false}), "GET", "/balance", "")
	require.Equal(t, http.StatusOK, status)
}

func TestUpstreamAnswersEveryWalletRoute(t *testing.T) {
	d := startWallet(t)
	_, hash := d.createInvoice(1, `{"amount":100,"description":"tea"}`)
	shop := d.ledger.ShopInvoice(100, "tea")
	shopV2 := d.ledger.ShopInvoice(100, "tea")
	keysend := `{"amount":10,"destination":"` + shopKey + `"}`
	tests := []struct {
		method, path, body string
		fields             []string // of the answer, or of each thing in the list
	}{
		{"GET", "/balance", "", []string{"balance", "currency", "unit"}},
		{"POST", "/invoices", `{"amount":5}`, []string{"payment_hash", "payment_request", "expires_at", "created_at"}},
		{"GET", "/invoices", "", []string{"payment_hash", "amount", "type", "status", "settled_at", "custom_records"}},
		{"GET", "/invoices/incoming", "", []string{"payment_hash", "memo", "r_hash_str", "value", "settled", "state", "creation_date"}},
		{"GET", "/invoices/outgoing", "", []string{"payment_hash", "payment_preimage", "fee", "is_paid", "destination", "keysend"}},
		{"GET", "/invoices/" + hash, "", []string{"payment_hash", "payment_request", "description", "expires_at", "is_paid"}},
		{"POST", "/payments/bolt11", "", []string{"amount", "description", "destination", "fee", "payment_hash", "payment_preimage", "payment_request"}},
		{"POST", "/payments/keysend", keysend, []string{"amount", "destination", "fee", "payment_hash", "payment_preimage"}},
		{"GET", "/user/me", "", []string{"identifier", "email", "name", "keysend_custom_key", "keysend_custom_value", "keysend_pubkey", "lightning_address"}},
		{"GET", "/user/summary", "", []string{"balance", "identifier", "invoices_count", "transactions_count"}},
		{"GET", "/user/value4value", "", []string{"lightning_address", "keysend_pubkey", "keysend_custom_key", "keysend_custom_value"}},
	}
	token, err := userJWT(testSecret, 1, time.Now(), time.Minute)
	require.NoError(t, err)
	for _, test := range tests {
		for _, base := range []string{"", "/v2"} {
			t.Run(test.method+" "+base+test.path, func(t *testing.T) {
				body := test.body
				if test.path == "/payments/bolt11" {
					body = pay(map[string]string{"": shop.request, "/v2": shopV2.request}[base])
				}
				status, answer := d.callWith("Bearer "+token, test.method, base+test.path, body)
				require.Equal(t, http.StatusOK, status)
				list, isList := answer.([]any)
				if !isList {
					list = []any{answer}
				}
				require.NotEmpty(t, list)
				for _, item := range list {
					for _, field := range test.fields {
						require.Contains(t, item, field)
					}
				}
			})
		}
	}
}

func TestPayingAnotherUserMovesTheMoney(t *testing.T) {
	d := startWallet(t)
	payer, payee := d.balance(1), d.balance(2)
	request, hash := d.createInvoice(2, `{"amount":700,"description":"lunch"}`)

	_, open := d.call(2, "GET", "/invoices/"+hash, "")
	require.Equal(t, "open", open["status"])
	require.NotContains(t, open, "payment_preimage")

	status, receipt := d.call(1, "POST", "/payments/bolt11", pay(strings.ToUpper(request)))
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, hash, receipt["payment_hash"])
	require.Equal(t, 0.0, receipt["fee"])
	require.Equal(t, payer-700, d.balance(1))
	require.Equal(t, payee+700, d.balance(2))

	_, settled := d.call(2, "GET", "/invoices/"+hash, "")
	require.Equal(t, "settled", settled["status"])
	require.Equal(t, true, settled["settled"])

	status, refused := d.call(1, "POST", "/payments/bolt11", pay(request))
	require.Equal(t, http.StatusInternalServerError, status)
	require.Equal(t, 10.0, refused["code"])
	require.Equal(t, payer-700, d.balance(1))
}

func TestPayingElsewhereCostsAFee(t *testing.T) {
	d := startWallet(t)
	before := d.balance(1)
	shop := d.ledger.ShopInvoice(5000, "coffee machine")
	status, receipt := d.call(1, "POST", "/payments/bolt11", pay(shop.request))
	require.Equal(t, http.StatusOK, status)
	fee := int64(receipt["fee"].(float64))
	require.Positive(t, fee)
	require.Equal(t, before-5000-fee, d.balance(1))
}

func TestKeysend(t *testing.T) {
	d := startWallet(t)
	payer, payee := d.balance(1), d.balance(2)
	_, v4v := d.call(2, "GET", "/user/value4value", "")
	for _, records := range []string{"customRecords", "custom_records"} {
		status, receipt := d.call(1, "POST", "/payments/keysend", `{"amount":50,"destination":"`+v4v["keysend_pubkey"].(string)+
			`","memo":"thanks","`+records+`":{"`+v4v["keysend_custom_key"].(string)+`":"`+v4v["keysend_custom_value"].(string)+`"}}`)
		require.Equal(t, http.StatusOK, status)
		require.NotEmpty(t, receipt["payment_preimage"])
		require.Contains(t, receipt["custom_records"], recipientRecord)
	}
	require.Equal(t, payer-100, d.balance(1))
	require.Equal(t, payee+100, d.balance(2))
}

func TestRefusedPaymentsChangeNothing(t *testing.T) {
	d := startWallet(t)
	balance := d.balance(1)
	small, _ := d.createInvoice(2, `{"amount":10}`)
	open, _ := d.createInvoice(2, `{}`)
	huge, _ := d.createInvoice(2, `{"amount":2100000000000000}`)
	d.clock = d.clock.Add(time.Second)

	tests := []struct {
		name, path, body, message string
	}{
		{"unknown invoice", "/payments/bolt11", pay("lnbcrt10n1qqqq"), "Bad arguments"},
		{"no invoice", "/payments/bolt11", `{}`, "Bad arguments"},
		{"empty body", "/payments/bolt11", ``, "Bad arguments"},
		{"no json", "/payments/bolt11", `invoice=` + small, "Bad arguments"},
		{"amount left to the payer", "/payments/bolt11", pay(open), "Bad arguments"},
		{"negative amount", "/payments/bolt11", `{"invoice":"` + open + `","amount":-5}`, "Bad arguments"},
		{"more than there is", "/payments/bolt11", pay(huge), errBalance.Message},
		{"amount that overflows", "/payments/bolt11", `{"invoice":"` + open + `","amount":9223372036854775807}`, "Bad arguments"},
		{"keysend of nothing", "/payments/keysend", `{"amount":0,"destination":"` + shopKey + `"}`, "Bad arguments"},
		{"keysend to nobody", "/payments/keysend", `{"amount":1}`, "Bad arguments"},
		{"keysend to no key", "/payments/keysend", `{"amount":1,"destination":"abc"}`, errDestination.Message},
		{"keysend, bad record", "/payments/keysend", `{"amount":1,"destination":"` + shopKey + `","customRecords":{"x":"y"}}`, "Bad arguments"},
		{"keysend, overflow", "/payments/keysend", `{"amount":9223372036854775807,"destination":"` + shopKey + `"}`, "Bad arguments"},
		{"negative invoice", "/invoices", `{"amount":-1}`, "Bad arguments"},
		{"description hash too short", "/invoices", `{"amount":1,"description_hash":"abcd"}`, "Bad arguments"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, answer := d.call(1, "POST", test.path, test.body)
			require.Equal(t, http.StatusBadRequest, status)
			require.Equal(t, true, answer["error"])
			require.Equal(t, test.message, answer["message"])
			require.Equal(t, balance, d.balance(1))
		})
	}

	status, _ := d.call(1, "POST", "/payments/bolt11", `{"invoice":"`+open+`","amount":5}`)
	require.Equal(t, http.StatusOK, status, "the payer may choose the amount")

	d.clock = d.clock.Add(invoiceLifespan)
	status, answer := d.call(1, "POST", "/payments/bolt11", pay(small))
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "invoice expired", answer["message"])
}

func TestAnInvoiceIsTheUsersOwn(t *testing.T) {
	d := startWallet(t)
	_, hash := d.createInvoice(1, `{"amount":1}`)
	status, answer := d.call(2, "GET", "/invoices/"+hash, "")
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "Bad arguments", answer["message"])
}

// However payments interleave, each is made once, no balance falls below zero and no money appears.
func TestConcurrentPayments(t *testing.T) {
	d := startWallet(t)
	total := d.balance(1) + d.balance(2)
	once, _ := d.createInvoice(2, `{"amount":60}`)

	var paid atomic.Int32
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if _, err := d.ledger.Pay(1, once, 0); err == nil {
				paid.Add(1)
			}
		})
		all.Go(func() {
			e, err := d.ledger.AddInvoice(2, 5_000, "rent", "")
			if err == nil {
				_, _ = d.ledger.Pay(1, e.request, 0)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, paid.Load())
	require.Equal(t, total, d.balance(1)+d.balance(2))
	require.GreaterOrEqual(t, d.balance(1), int64(0))
	require.Less(t, d.balance(1), int64(5_000), "as many were paid as there was money for")
}
