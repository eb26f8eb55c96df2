package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// spanCollector receives spans over OTLP/HTTP.
type spanCollector struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	services map[string]bool
	spans    []*otlp.Span
}

func newSpanCollector(t *testing.T) *spanCollector {
	t.Helper()
	c := &spanCollector{t: t, services: map[string]bool{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *spanCollector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
		c.t.Errorf("not OTLP: %s %s", r.Method, r.URL.Path)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range sent.GetResourceSpans() {
		c.services[attributes(resource.GetResource().GetAttributes())["service.name"]] = true
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
}

// named returns the one span of that name and kind.
func (c *spanCollector) named(name string, kind otlp.Span_SpanKind) *otlp.Span {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*otlp.Span
	for _, span := range c.spans {
		if span.GetName() == name && span.GetKind() == kind {
			found = append(found, span)
		}
	}
	require.Len(c.t, found, 1, name)
	return found[0]
}

func attributes(list []*common.KeyValue) map[string]string {
	values := map[string]string{}
	for _, entry := range list {
		switch value := entry.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			values[entry.GetKey()] = value.StringValue
		case *common.AnyValue_IntValue:
			values[entry.GetKey()] = http.StatusText(int(value.IntValue))
		}
	}
	return values
}

const (
	callersTrace  = "0af7651916cd43dd8448eb211c80319c"
	callersParent = "00-" + callersTrace + "-b7ad6b7169203331-01"
)

func TestRequestsAreTraced(t *testing.T) {
	spans := newSpanCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", spans.url)
	r, book := startLogged(t, observedConfig(echoUpstream(t)))
	given := r.consent(r.register(), 1, "balance:read invoices:read")

	header := bearer(given.access)
	header["Traceparent"], header["Tracestate"] = []string{callersParent}, []string{"vendor=1"}
	header.Set("X-Request-Id", "traced-one")
	seen := r.do(http.MethodGet, r.public+"/invoices/secret-hash?q=secret-query", nil, header)
	require.Equal(t, http.StatusOK, seen.status, seen.body)
	forwarded := seen.json(t)["header"].(map[string]any)
	require.Equal(t, http.StatusOK, r.do(http.MethodHead, r.public+"/balance", nil, bearer(given.access)).status)
	require.Equal(t, http.StatusUnauthorized, r.balance("secret-token").status)
	r.stop() // which sends what was not sent yet

	require.Equal(t, map[string]bool{"gatehouse": true}, spans.services)
	server := spans.named("GET /invoices/{payment_hash}", otlp.Span_SPAN_KIND_SERVER)
	require.Equal(t, callersTrace, hex(server.GetTraceId()))
	require.Equal(t, "b7ad6b7169203331", hex(server.GetParentSpanId()))
	require.Equal(t, map[string]string{
		"http.request.method": "GET", "http.route": "/invoices/{payment_hash}", "http.response.status_code": "OK",
		"gatehouse.request_id": "traced-one",
	}, attributes(server.GetAttributes()))

	client := spans.named("GET", otlp.Span_SPAN_KIND_CLIENT)
	require.Equal(t, server.GetSpanId(), client.GetParentSpanId())
	require.Equal(t, "OK", attributes(client.GetAttributes())["http.response.status_code"])
	require.Equal(t, []any{"00-" + callersTrace + "-" + hex(client.GetSpanId()) + "-01"}, forwarded["Traceparent"])
	require.Equal(t, []any{"vendor=1"}, forwarded["Tracestate"])

	other := spans.named("HEAD /balance", otlp.Span_SPAN_KIND_SERVER)
	require.NotEqual(t, callersTrace, hex(other.GetTraceId()), "a trace of its own")
	require.Empty(t, other.GetParentSpanId())
	refused := spans.named("GET /balance", otlp.Span_SPAN_KIND_SERVER)
	require.Equal(t, "Unauthorized", attributes(refused.GetAttributes())["http.response.status_code"])
	require.NotEqual(t, otlp.Status_STATUS_CODE_ERROR, refused.GetStatus().GetCode(), "the mistake was the caller's")
	spans.named("POST /oauth/token", otlp.Span_SPAN_KIND_SERVER)
	for _, span := range spans.spans {
		require.NotContains(t, span.String(), "secret")
		require.NotContains(t, span.String(), given.access)
	}
	require.NotContains(t, book.String(), "spans are lost")
}

func TestAnUpstreamThatFailsIsSeenInTheTrace(t *testing.T) {
	spans := newSpanCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", spans.url+"/v1/traces")
	r := start(t, testConfig("http://127.0.0.1:1"))
	require.Equal(t, http.StatusBadGateway, r.balance(r.consent(r.register(), 1, "balance:read").access).status)
	r.stop()
	client := spans.named("GET", otlp.Span_SPAN_KIND_CLIENT)
	require.Equal(t, map[string]string{
		"http.request.method": "GET", "http.route": "/balance", "server.address": "127.0.0.1", "error.type": "unreachable",
	}, attributes(client.GetAttributes()))
	require.Equal(t, otlp.Status_STATUS_CODE_ERROR, client.GetStatus().GetCode())
	require.Equal(t, otlp.Status_STATUS_CODE_ERROR,
		spans.named("GET /balance", otlp.Span_SPAN_KIND_SERVER).GetStatus().GetCode())
}

func TestTracingIsOffUnlessThereIsACollector(t *testing.T) {
	spans := newSpanCollector(t)
	for name, environment := range map[string]map[string]string{
		"nothing set":  {},
		"disabled":     {"OTEL_EXPORTER_OTLP_ENDPOINT": spans.url, "OTEL_SDK_DISABLED": "true"},
		"not exported": {"OTEL_EXPORTER_OTLP_ENDPOINT": spans.url, "OTEL_TRACES_EXPORTER": "none"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range environment {
				t.Setenv(variable, value)
			}
			r := start(t, testConfig(echoUpstream(t)))
			header := bearer(r.consent(r.register(), 1, "balance:read").access)
			header["Traceparent"], header["Tracestate"] = []string{callersParent}, []string{"vendor=1"}
			forwarded := r.do(http.MethodGet, r.public+"/balance", nil, header).json(t)["header"].(map[string]any)
			require.Equal(t, []any{callersParent}, forwarded["Traceparent"], "the caller's trace passes through")
			require.Equal(t, []any{"vendor=1"}, forwarded["Tracestate"])
			r.stop()
			require.Empty(t, spans.spans)
		})
	}
}

func TestACollectorThatIsAwayCostsOnlySpans(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "10")
	r, book := startLogged(t, testConfig(echoUpstream(t)))
	require.Equal(t, http.StatusOK, r.balance(r.consent(r.register(), 1, "balance:read").access).status)
	r.stop()
	require.Contains(t, book.String(), "spans are lost")
	for line := range strings.Lines(book.String()) {
		require.True(t, strings.HasPrefix(line, "{"), line)
	}
}

func hex(id []byte) string { return fmt.Sprintf("%x", id) }
