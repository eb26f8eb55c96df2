package gateway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// A route drops what its upstream would believe, in every spelling in which the upstream might.
func TestARouteDropsHeaders(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL(), public, methods("POST"), func(r *gateway.Route) { r.DropHeaders = []string{"X-Tenant", "X-Role-*"} }),
		balance(upstream.URL(), public, path("/other")),
	}, options{})
	lines := []string{"X-Tenant: 1", "x_tenant: 1", "X-TENANT: 1", "X-Role-Admin: 1", "x_role_" + strings.Repeat("a", 100) + ": 1",
		"X-Tenants: kept", "X-Role: kept"}
	require.Equal(t, 200, s.do(raw("POST /balance", append(lines, "Transfer-Encoding: chunked", "Trailer: X-Tenant, X-Checksum")...)+
		"2\r\nhi\r\n0\r\nX-Tenant: 1\r\nX-Checksum: 1\r\n\r\n").StatusCode)
	told := upstream.Requests()[0]
	require.Equal(t, []string{"X-Checksum: 1"}, told.Trailers)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		require.Equal(t, value == "kept", len(told.Values(name)) > 0, name)
	}
	require.Equal(t, 200, s.do(raw("GET /other", "X-Tenant: 1")).StatusCode)
	require.Equal(t, []string{"1"}, upstream.Requests()[1].Values("X-Tenant"))
}

func TestDroppedHeadersHaveNames(t *testing.T) {
	for _, bad := range []string{"", "*", "X-*-Y", "X Y", "X-A:"} {
		_, err := gateway.New(gateway.Config{Routes: []gateway.Route{
			balance("http://localhost", public, func(r *gateway.Route) { r.DropHeaders = []string{bad} }),
		}})
		require.ErrorContains(t, err, "drop_headers", bad)
	}
	require.NoError(t, gateway.ValidateTrustedProxyHeaders([]string{"Forwarded", "cf-connecting-ip"}))
	for _, bad := range []string{"X-Forwarded-For", "Remote-User", "Accept", "", "CF_Connecting_IP"} {
		require.Error(t, gateway.ValidateTrustedProxyHeaders([]string{bad}), bad)
	}
}
