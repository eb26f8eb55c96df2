package gateway

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrustedProxiesAreAddressesAndPrefixes(t *testing.T) {
	proxies, err := ParseTrustedProxies([]string{"192.0.2.1", "10.1.2.3/8", "2001:db8::/32"})
	require.NoError(t, err)
	for address, trusted := range map[string]bool{
		"192.0.2.1": true, "192.0.2.2": false, "10.255.0.1": true, "11.0.0.1": false, "2001:db8::1": true, "2001:db9::1": false,
	} {
		require.Equal(t, trusted, proxies.Contains(netip.MustParseAddr(address)), address)
	}
	require.False(t, TrustedProxies(nil).Contains(netip.MustParseAddr("127.0.0.1")))

	_, err = ParseTrustedProxies([]string{"everyone", "10.0.0.0/8", "10.0.0.0/33"})
	require.ErrorContains(t, err, `"everyone"`)
	require.ErrorContains(t, err, `"10.0.0.0/33"`, "every problem at once")
}
