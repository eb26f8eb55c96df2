package demoapp

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

const origin = "http://localhost:8080"

func ask(t *testing.T, s Settings, host, path string) (*http.Response, string) {
	t.Helper()
	s.Origin, s.Issuer, s.ClientID = origin, "http://localhost:8081/auth", "demo"
	server := httptest.NewServer(Handler(s, map[string]http.Handler{
		"GET /else": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "other") }),
	}))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
	require.NoError(t, err)
	r.Host = host
	response, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

func TestThePageMayDoNoMoreThanItDoes(t *testing.T) {
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/callback?code=x": "text/html; charset=utf-8", "/app.js": "text/javascript; charset=utf-8",
		"/app.css": "text/css; charset=utf-8", "/settings.json": "application/json",
	} {
		response, body := ask(t, Settings{}, "localhost:8080", path)
		require.Equal(t, http.StatusOK, response.StatusCode, path)
		require.NotEmpty(t, body)
		require.Equal(t, kind, response.Header.Get("Content-Type"))
		require.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' http://localhost:8081; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'", response.Header.Get("Content-Security-Policy"))
		require.Equal(t, "no-referrer", response.Header.Get("Referrer-Policy"), "the address may hold a code")
		require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
		require.Empty(t, response.Header.Get("Access-Control-Allow-Origin"))
	}
	_, body := ask(t, Settings{}, "localhost:8080", "/else")
	require.Equal(t, "other", body)
}

func TestUnderAnotherNameThereIsOnlyTheWayToItsOwn(t *testing.T) {
	for _, host := range []string{"127.0.0.1:8080", "rebound.example:8080", "localhost:1", "localhost"} {
		for _, path := range []string{"/", "/callback?code=secret", "/settings.json", "/else"} {
			response, body := ask(t, Settings{}, host, path)
			require.Equal(t, http.StatusTemporaryRedirect, response.StatusCode)
			require.Equal(t, origin+"/", response.Header.Get("Location"))
			require.NotContains(t, body, "other")
			require.NotContains(t, body, "secret")
		}
	}
}

func TestWhatThePageCanDoFollowsFromTheRoutes(t *testing.T) {
	route := func(method, path, scope string) gateway.Route {
		return gateway.Route{Methods: []string{method}, Path: path, Scope: scope}
	}
	for name, test := range map[string]struct {
		settings Settings
		want     told
	}{
		"a wallet that holds applications to budgets": {
			Settings{Routes: []gateway.Route{
				route("GET", "/balance", "balance:read"),
				{Methods: []string{"POST"}, Path: "/payments/bolt11", Scope: "pay", Spend: &gateway.Spending{Unit: "sat"}},
			}},
			told{
				Scope: "balance:read pay", Balance: true, Payments: true, Reads: []string{},
				Budget: &budget{Type: "spend", Unit: "sat", Limit: 5000, Period: "month"},
			},
		},
		"a wallet": {
			Settings{HasShop: true, Routes: []gateway.Route{
				route("GET", "/balance", "balance:read"), route("POST", "/invoices", "invoices:create"),
				route("POST", "/payments/bolt11", "payments:send"), route("GET", "/user/me", "account:read"),
			}},
			told{Scope: "balance:read invoices:create payments:send", Balance: true, Invoices: true, Payments: true, Shop: true, Reads: []string{}},
		},
		"a balance alone": {
			Settings{HasShop: true, Routes: []gateway.Route{route("GET", "/balance", "balance:read"), route("POST", "/balance", "other")}},
			told{Scope: "balance:read", Balance: true, Reads: []string{}},
		},
		"another API": {
			Settings{Routes: []gateway.Route{
				route("GET", "/orders", "orders:read"), route("GET", "/orders/{id}", "orders:read"), route("POST", "/orders", "orders:write"),
				route("GET", "/open", ""), route("GET", "/users", "users:read"),
			}},
			told{Scope: "orders:read users:read", Reads: []string{"/orders", "/open", "/users"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, body := ask(t, test.settings, "localhost:8080", "/settings.json")
			var got told
			require.NoError(t, json.Unmarshal([]byte(body), &got))
			test.want.Issuer, test.want.ClientID, test.want.RedirectURI = "http://localhost:8081/auth", "demo", origin+"/callback"
			require.Equal(t, test.want, got)
		})
	}
}
