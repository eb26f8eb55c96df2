package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
)

func TestWhatIsSpentIsCountedByRoute(t *testing.T) {
	s := newShop(t)
	cfg := testConfig(s.URL)
	cfg.Routes = append(cfg.Routes, s.route())
	b := start(t, cfg).allow(2, budget.Month, time.Time{})
	require.Equal(t, http.StatusOK, b.buy("a").status)
	require.Equal(t, http.StatusConflict, b.buy("a").status)
	require.Equal(t, http.StatusOK, b.buy("b").status)
	require.Equal(t, http.StatusForbidden, b.buy("c").status)
	require.Equal(t, http.StatusBadRequest, b.post("/buy", `{"amount":1,"amount":2,"order":"d"}`).status)
	seen := b.scrape()
	for series, want := range map[string]float64{
		`gatehouse_spends_total{outcome="posted",route="/buy"}`:            2,
		`gatehouse_spends_total{outcome="refused",route="/buy"}`:           3,
		`gatehouse_spends_total{outcome="voided",route="/buy"}`:            0,
		`gatehouse_spends_total{outcome="unknown",route="/buy"}`:           0,
		`gatehouse_spend_refused_total{reason="already",route="/buy"}`:     1,
		`gatehouse_spend_refused_total{reason="exceeded",route="/buy"}`:    1,
		`gatehouse_spend_refused_total{reason="unreadable",route="/buy"}`:  1,
		`gatehouse_spend_refused_total{reason="unavailable",route="/buy"}`: 0,
		`gatehouse_spent_amount_total{route="/buy",unit="sat"}`:            2,
		`gatehouse_spends_unsettled`:                                       0,
	} {
		got, ok := seen[series]
		require.True(t, ok, series)
		require.InDelta(t, want, got, 0, series)
	}
	for series := range seen {
		require.NotContains(t, series, `route="/balance",outcome`, "a route that spends nothing has none")
	}
}
