package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/cmd/mock_server/lndhub"
)

var testSecret = []byte("wallet-test")

// demoWallet is the demo wallet on a socket.
type demoWallet struct {
	*testing.T
	*wallet
	url string
}

func startWallet(t *testing.T) *demoWallet {
	w := newWallet(testSecret, time.Now)
	server := httptest.NewServer(w.Handler())
	t.Cleanup(server.Close)
	return &demoWallet{T: t, wallet: w, url: server.URL}
}

// call makes a JSON request as the user, and returns the answer's object, or the first of its list.
func (d *demoWallet) call(user int64, method, path, body string) (int, map[string]any) {
	d.Helper()
	token, err := userJWT(testSecret, user, time.Now(), time.Minute)
	require.NoError(d, err)
	r, err := http.NewRequestWithContext(d.Context(), method, d.url+path, strings.NewReader(body))
	require.NoError(d, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	require.NoError(d, err)
	defer response.Body.Close()
	require.Equal(d, "application/json; charset=UTF-8", response.Header.Get("Content-Type"))
	text, err := io.ReadAll(response.Body)
	require.NoError(d, err)
	if strings.HasPrefix(string(text), "[") {
		var list []map[string]any
		require.NoError(d, json.Unmarshal(text, &list))
		require.NotEmpty(d, list)
		return response.StatusCode, list[0]
	}
	var object map[string]any
	require.NoError(d, json.Unmarshal(text, &object), "%s", text)
	return response.StatusCode, object
}

func names(object map[string]any) (found []string) {
	for name := range object {
		found = append(found, name)
	}
	return found
}

// What lndhub.go answers is held by its stand-in's table. This is what there is beside it, and which of the two answers.
func TestTheWalletIsLndhubAndAHostApplication(t *testing.T) {
	d := startWallet(t)
	v2 := []string{
		"payment_hash", "payment_request", "description", "destination", "amount", "fee", "status", "type", "settled_at", "expires_at",
		"is_paid", "keysend",
	}
	host := append([]string{
		"created_at", "creation_date", "expiry", "currency", "fiat_currency", "fiat_in_cents", "identifier", "memo", "payer_name",
		"r_hash_str", "settled", "state", "value", "payment_preimage",
	}, v2...)
	for path, fields := range map[string][]string{
		"/v2/balance":           {"balance", "currency", "unit"},
		"/balance":              {"BTC"},
		"/v2/invoices/incoming": append([]string{"custom_records"}, v2...),
		"/v2/invoices/outgoing": append([]string{"payment_preimage"}, v2...),
		"/invoices":             host,
		"/user/me": {
			"identifier", "email", "name", "avatar", "lightning_address", "keysend_pubkey", "keysend_custom_key", "keysend_custom_value",
			"nostr_pubkey",
		},
		"/user/value4value": {"lightning_address", "keysend_pubkey", "keysend_custom_key", "keysend_custom_value"},
		"/user/summary": {
			"balance", "currency", "unit", "identifier", "email", "name", "avatar", "lightning_address", "keysend_pubkey",
			"keysend_custom_key", "keysend_custom_value", "nostr_pubkey", "invoices_count", "transactions_count",
		},
	} {
		t.Run(path, func(t *testing.T) {
			status, answer := d.call(7, "GET", path, "")
			require.Equal(t, http.StatusOK, status)
			require.ElementsMatch(t, fields, names(answer))
			anonymous, err := http.Get(d.url + path)
			require.NoError(t, err)
			defer anonymous.Body.Close()
			require.Equal(t, http.StatusUnauthorized, anonymous.StatusCode)
		})
	}
	for _, user := range []int64{0, -1, 12346} { // nobody, nobody, and one who is suspended
		token, err := userJWT(testSecret, user, time.Now(), time.Minute)
		require.NoError(t, err)
		r, err := http.NewRequestWithContext(t.Context(), "GET", d.url+"/user/me", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusUnauthorized, response.StatusCode, user)
	}
}

func TestEveryUserBeginsWithAHistory(t *testing.T) {
	d := startWallet(t)
	for _, user := range []int64{theUser.ID, 4711} {
		_, balance := d.call(user, "GET", "/v2/balance", "")
		require.EqualValues(t, 150_000+2_100-1_800-2, balance["balance"])
		_, summary := d.call(user, "GET", "/user/summary", "")
		require.EqualValues(t, 2, summary["invoices_count"])
		require.EqualValues(t, 1, summary["transactions_count"])
		_, newest := d.call(user, "GET", "/invoices", "")
		require.Equal(t, "outgoing", newest["type"])
		require.Equal(t, "Two coffees", newest["memo"])
	}
}

func TestUsersPayEachOtherAndTheShop(t *testing.T) {
	d := startWallet(t)
	before := d.Balance(theUser.ID)
	for _, user := range []int64{2, 3} {
		_, v4v := d.call(user, "GET", "/user/value4value", "")
		sent, err := json.Marshal(map[string]any{
			"amount": 50, "destination": v4v["keysend_pubkey"], "customRecords": map[string]any{v4v["keysend_custom_key"].(string): v4v["keysend_custom_value"]},
		})
		require.NoError(t, err)
		status, receipt := d.call(theUser.ID, "POST", "/v2/payments/keysend", string(sent))
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, receipt, "payment_preimage", receipt)
		_, received := d.call(user, "GET", "/invoices", "")
		require.EqualValues(t, 50, received["amount"])
		require.Equal(t, true, received["settled"])
	}
	require.Equal(t, before-100, d.Balance(theUser.ID))

	response, err := http.Get(d.url + "/shop/invoice")
	require.NoError(t, err)
	defer response.Body.Close()
	var invoice lndhub.InvoiceV2
	require.NoError(t, json.NewDecoder(response.Body).Decode(&invoice))
	status, receipt := d.call(theUser.ID, "POST", "/v2/payments/bolt11", `{"invoice":"`+strings.ToUpper(invoice.PaymentRequest)+`"}`)
	require.Equal(t, http.StatusOK, status)
	require.EqualValues(t, shopAmount, receipt["amount"])
	require.EqualValues(t, 3, receipt["fee"])
}

// The mock server signs in as production does: the wallet is asked, behind a brake.
func TestSigningInWithAPassword(t *testing.T) {
	m := startMock(t)
	signIn := func(login, password string) (int, map[string]any, http.Header) {
		t.Helper()
		sent := url.Values{
			"response_type": {"code"}, "client_id": {"id"}, "redirect_uri": {demoRedirect}, "scope": {"balance:read"},
			"login": {login}, "password": {password},
		}
		r, err := newForm(t.Context(), m.Issuer+"/oauth/authorize", sent)
		require.NoError(t, err)
		response, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		defer response.Body.Close()
		var answer map[string]any
		_ = json.NewDecoder(response.Body).Decode(&answer) // a redirect has none
		return response.StatusCode, answer, response.Header
	}
	status, answer, _ := signIn("suspended", "password")
	require.Equal(t, http.StatusForbidden, status)
	require.Equal(t, "access_denied", answer["error"])
	require.Equal(t, "Account has been suspended. Please contact support for further assistance.", answer["error_description"])
	status, _, _ = signIn("suspended", "wrong")
	require.Equal(t, http.StatusUnauthorized, status)
	status, _, _ = signIn("login", "password")
	require.Equal(t, http.StatusFound, status)

	braked := false
	for i := 0; i < 20 && !braked; i++ {
		status, answer, header := signIn("login", "wrong")
		if braked = status == http.StatusTooManyRequests; braked {
			require.Equal(t, "too_many_requests", answer["error"])
			require.NotEmpty(t, header.Get("Retry-After"))
		} else {
			require.Equal(t, http.StatusUnauthorized, status)
		}
	}
	require.True(t, braked)
}
