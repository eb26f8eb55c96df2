package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/app/config"
	"gatehouse/authz/budget"
	"gatehouse/denylist/denylisttest"
	"gatehouse/gateway"
	"gatehouse/registry/registrytest"
)

// BenchmarkPayment measures what a request that spends costs beside one that spends nothing, one after the other, through real
// sockets and to Postgres: how long each takes, and how much more one of the two, at the median, and how much more of the
// processor without Postgres. Then how many payments pass in a second. The upstream answers at once.
func BenchmarkPayment(b *testing.B) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte(`{"charged":1}`))
	}))
	defer upstream.Close()
	plain := gateway.Route{
		Path: "/plain", Methods: []string{"POST"}, Origin: upstream.URL, Scope: "payments:send", Description: "Pay.", Credential: "headers",
	}
	spending := plain
	spending.Path = "/spending"
	spending.Spend = &gateway.Spending{Unit: "sat", Cost: "json:/amount", Key: "json:/order", Settle: []string{"/charged"}}
	spending.Spend.Lookup = &gateway.Lookup{Path: "/orders/{key}", State: "/state", Posted: []string{"paid"}}

	for _, test := range []struct {
		name    string
		isAlone bool
	}{{"beside the authorization server", false}, {"gateway on its own", true}} {
		b.Run(test.name, func(b *testing.B) {
			cfg := testConfig(upstream.URL)
			cfg.Routes = []gateway.Route{plain, spending}
			cfg.DatabaseURL = config.SecretURL(registrytest.PostgresDatabase(b))
			cfg.RedisURL = config.SecretURL(denylisttest.Redis(b, denylisttest.App))
			cfg.Budgets.Listen = "127.0.0.1:0"
			role := config.Both
			if test.isAlone {
				role = config.AuthzOnly
			}
			authz := startRole(b, cfg, role)
			authz.awaitReady()
			at := authz
			if test.isAlone {
				own := gatewayConfig(cfg, authz)
				own.Budgets.Listen, own.Budgets.URL = "", "http://"+authz.app.BudgetAddr().String()
				at = startRole(b, own, config.GatewayOnly)
				at.awaitReady()
			}
			payer := authz.allow(1_000_000_000, budget.Month, time.Time{})
			payers := []*buyer{payer}
			for user := range int64(15) {
				another := &buyer{running: authz, application: payer.application, user: 100 + user}
				another.tokens = another.consent(another.application, another.user, "payments:send")
				payers = append(payers, another)
			}
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(payers)}}
			defer client.CloseIdleConnections()
			var order atomic.Int64
			send := func(path string, who *buyer) time.Duration {
				body := fmt.Sprintf(`{"amount":1,"order":"%d"}`, order.Add(1))
				request, err := http.NewRequest(http.MethodPost, at.public+path, strings.NewReader(body))
				if err != nil {
					b.Error(err)
					return 0
				}
				request.Header = bearer(who.access)
				request.Header.Set("Content-Type", "application/json")
				began := time.Now()
				response, err := client.Do(request)
				if err != nil {
					b.Error(err)
					return 0
				}
				text, _ := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					b.Errorf("%d %s", response.StatusCode, text)
				}
				return time.Since(began)
			}
			for range 20 {
				send("/plain", payer)
				send("/spending", payer)
			}
			var without, with, processor []time.Duration
			b.ResetTimer()
			for range b.N {
				first := processorTime(b)
				without = append(without, send("/plain", payer))
				second := processorTime(b)
				with = append(with, send("/spending", payer))
				processor = append(processor, processorTime(b)-second-(second-first))
			}
			b.StopTimer()
			b.ReportMetric(float64(median(without).Microseconds()), "plain-µs")
			b.ReportMetric(float64(median(with).Microseconds()), "spending-µs")
			b.ReportMetric(float64((median(with) - median(without)).Microseconds()), "added-µs")
			b.ReportMetric(float64(median(processor).Microseconds()), "added-CPU-µs")

			began, until := time.Now(), order.Load()+int64(b.N)
			var all sync.WaitGroup
			for _, who := range payers {
				all.Go(func() {
					for order.Load() < until {
						send("/spending", who)
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "payments/s")
		})
	}
}

// processorTime is what this process has used, which is caller, gateway, authorization server and upstream.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func median(of []time.Duration) time.Duration {
	slices.Sort(of)
	return of[len(of)/2]
}
