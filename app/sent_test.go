package app_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

// An operator finds the requests of which nobody was told what became of them.
func TestTheLogAndTheMetricsSayWhetherARequestWasSent(t *testing.T) {
	upstream := gatewaytest.NewUpstream(t, func(l *gatewaytest.Conn) { l.ReadRequest() }) // and hangs up
	r, book := startLogged(t, observedConfig(upstream.URL()))
	given := r.consent(r.register(), 1, "balance:read payments:send invoices:read")
	const series = `gatehouse_refused_requests_total{route="/payments/bolt11",sent="`
	require.Equal(t, scraped{series + `false"}`: 0, series + `true"}`: 0}, r.scrape().named(series), "so that they can be seen to rise")

	paid := r.do(http.MethodPost, r.public+"/payments/bolt11", nil, bearer(given.access))
	require.Equal(t, http.StatusBadGateway, paid.status)
	require.Equal(t, true, paid.json(t)["sent"])
	require.Equal(t, "unknown", paid.json(t)["outcome"])
	require.Equal(t, true, book.last(t)["sent"])

	require.Equal(t, http.StatusUnauthorized, r.do(http.MethodPost, r.public+"/payments/bolt11", nil, nil).status)
	require.Equal(t, false, book.last(t)["sent"])
	require.Equal(t, scraped{series + `false"}`: 1, series + `true"}`: 1}, r.scrape().named(series))

	r.do(http.MethodGet, r.public+"/nowhere", nil, nil)
	require.NotContains(t, book.last(t), "sent", "it has no route")
}

func TestARequestThatWasAnsweredIsNotSaidToBeRefused(t *testing.T) {
	r, book := startLogged(t, observedConfig(echoUpstream(t)))
	given := r.consent(r.register(), 1, "balance:read")
	require.Equal(t, http.StatusOK, r.balance(given.access).status)
	require.NotContains(t, book.last(t), "sent")
	require.EqualValues(t, 0, r.scrape()[`gatehouse_refused_requests_total{route="/balance",sent="true"}`])
}
