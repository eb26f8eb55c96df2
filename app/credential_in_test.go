package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// What an operator sees of requests is kept for long, and by others. A credential in a query must not get there, whether the
// upstream answers or not.
func TestACredentialInAQueryIsNeitherLoggedNorTraced(t *testing.T) {
	spans := newSpanCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", spans.url)
	cfg := testConfig(echoUpstream(t))
	cfg.Log.Level = "debug"
	for path, origin := range map[string]string{`/stream/{hash:"?[\d]+"?}`: cfg.Routes[0].Origin, "/broken": "http://127.0.0.1:1"} {
		cfg.Routes = append(cfg.Routes, gateway.Route{
			Path: path, Methods: []string{"GET"}, Origin: origin, Scope: "invoices:read", Description: "Read invoices.",
			Credential: "forward", CredentialIn: "query:token",
		})
	}
	r, book := startLogged(t, cfg)
	access := r.consent(r.register(), 1, "balance:read invoices:read").access
	seen := r.do(http.MethodGet, r.public+"/stream/%22123?a=b&token=secret-of-the-caller", nil, bearer(access))
	require.Equal(t, http.StatusOK, seen.status, seen.body)
	require.Equal(t, "/stream/%22123?a=b&token="+access, seen.json(t)["path"])
	require.Equal(t, `/stream/{hash:"?[\d]+"?}`, book.last(t)["route"])
	require.Equal(t, http.StatusBadGateway, r.do(http.MethodGet, r.public+"/broken?token=secret-of-the-caller", nil, bearer(access)).status)
	require.Len(t, r.scrape().named(`gatehouse_http_requests_total{method="GET",route="/stream/{hash:\"?[\\d]+\"?}"`), 1)
	r.stop()
	require.NotEmpty(t, spans.spans)
	for _, span := range spans.spans {
		require.NotContains(t, span.String(), access)
		require.NotContains(t, span.String(), "secret-of-the-caller")
	}
	require.NotContains(t, book.String(), access)
	require.NotContains(t, book.String(), access[strings.LastIndexByte(access, '.'):])
	require.NotContains(t, book.String(), "secret-of-the-caller")
}
