package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client"
	"gatehouse/registry"
)

func TestRedirectRule(t *testing.T) {
	exact := func(uris ...string) registry.Client { return registry.Client{RedirectURIs: uris} }
	domain := func(domain string) registry.Client { return registry.Client{Domain: domain} }

	for _, test := range []struct {
		client  registry.Client
		uri     string
		allowed bool
	}{
		{exact("https://a.example/cb"), "https://a.example/cb", true},
		{exact("https://a.example/cb", "https://b.example/cb?x=1"), "https://b.example/cb?x=1", true},
		{exact("https://a.example/cb"), "https://a.example/cb/", false},
		{exact("https://a.example/cb"), "https://a.example/CB", false},
		{exact("https://a.example/cb"), "https://a.example:443/cb", false},
		{exact("https://a.example/cb"), "https://a.example/cb?x=1", false},
		{exact("https://a.example/cb"), "https://a.example/cb#", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.1:4711/cb", true},
		{exact("http://127.0.0.1:8080/cb?a=b"), "http://127.0.0.1:4711/cb?a=b", true},
		{exact("http://127.0.0.1:8080/cb"), "http://127.0.0.1/cb", true},
		{exact("http://[::1]/cb"), "http://[::1]:4711/cb", true},
		{exact("http://localhost/cb"), "http://localhost:4711/cb", true},
		{exact("http://localhost:8080"), "http://localhost:4711", true},
		{exact("http://localhost:8080"), "http://localhost:4711/", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.1:4711/CB", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.1:4711/cb?x=1", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.1:0/cb", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.1:/cb", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.1:99999/cb", false},
		{exact("http://127.0.0.1/cb"), "http://localhost:4711/cb", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.2:4711/cb", false},
		{exact("http://127.0.0.1/cb"), "http://[::1]:4711/cb", false},
		{exact("http://127.0.0.1/cb"), "https://127.0.0.1:4711/cb", false},
		{exact("https://127.0.0.1/cb"), "https://127.0.0.1:4711/cb", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.1:4711@evil.example/cb", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.1.evil.example:4711/cb", false},
		{exact("http://127.0.0.2/cb"), "http://127.0.0.2:4711/cb", false},
		{exact("http://127.0.0.1/cb"), "http://a@127.0.0.1:4711/cb", false},
		{exact("http://127.0.0.1/cb"), "http://127.1:4711/cb", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.1:4711/%63b", false},
		{exact("http://127.0.0.1/cb"), "http://127.0.0.1:4711//cb", false},
		{exact("http://127.0.0.1/cb"), "http://[::ffff:127.0.0.1]:4711/cb", false},
		{exact("http://[::1]/cb"), "http://[0:0:0:0:0:0:0:1]:4711/cb", false},
		{exact("http://localhost/cb"), "http://127.0.0.1:4711/cb", false},
		{exact("http://localhost/cb"), "http://LOCALHOST:4711/cb", false},
		{exact("http://localhost/cb"), "http://localhost.:4711/cb", false},
		{exact("http://localhost/cb"), "http://localhost.thief.example:4711/cb", false},
		{exact("http://localhost/cb"), "HTTP://localhost:4711/cb", false},
		{exact("http://app.localhost/cb"), "http://app.localhost:4711/cb", false},
		{exact("http://a.example/cb"), "http://a.example:4711/cb", false},
		{exact("myapp://cb"), "myapp://cb", true}, // registered before reverse domain names were asked for
		{exact("intent://a.example/#Intent"), "intent://a.example/#Intent", false},
		{exact("intent:cb"), "intent:cb", false},
		{exact("http://127.0.0.1/cb"), "javascript://127.0.0.1/cb", false},
		{exact("com.example.app:/cb"), "com.example.app:/cb", true},
		{exact("com.example.app:/cb"), "com.example.app:/other", false},
		{exact("javascript:alert(1)"), "javascript:alert(1)", false},
		{exact("http://a.example/cb"), "http://a.example/cb", true},
		{exact(""), "", false},
		{exact(), "https://a.example", false},

		{domain("https://a.example"), "https://a.example", true},
		{domain("https://a.example"), "https://a.example/any/path?and=query", true},
		{domain("https://a.example"), "https://A.EXAMPLE/", true},
		{domain("https://A.example"), "https://a.example/", true},
		{domain("https://a.example"), "https://a.example:443/", true},
		{domain("https://a.example:443/cb"), "https://a.example/", true},
		{domain("https://a.example"), "https://a.example:8443/", false},
		{domain("https://a.example:8443"), "https://a.example/", false},
		{domain("https://a.example"), "http://a.example/", false},
		{domain("https://a.example"), "https://b.a.example/", false},
		{domain("https://a.example"), "https://a.example.evil.example/", false},
		{domain("https://a.example"), "https://evil.example/https://a.example", false},
		{domain("https://a.example"), "https://a.example@evil.example/", false},
		{domain("https://a.example"), "https://evil.example@a.example/", false},
		{domain("https://a.example"), "https://evil.example\\@a.example/", false},
		{domain("https://a.example"), "https://a.example\\.evil.example/", false},
		{domain("https://a.example"), "https:a.example/", false},
		{domain("https://a.example"), "//a.example/", false},
		{domain("https://a.example"), "a.example", false},
		{domain("https://a.example"), "https://a.example./", false},
		{domain("https://a.example"), "https://a.example:/", false},
		{domain("https://a.example"), "https://a.example:0443/", false},
		{domain("https://a.example"), "https://a.example%00/", false},
		{domain("https://a.example"), "https://a.example/\n", false},
		{domain("https://a.example"), " https://a.example/", false},
		{domain("https://a.example"), "https://a.example/ü", false},
		{domain("https://a.example"), "https://a.example/#x", false},
		{domain("https://a.example"), "https://a.example/?code=x", false},
		{domain("https://a.example"), "https://a.example/?x=1&%73tate=x", false},
		{domain("https://a.example"), "https://a.example/?error=x", false},
		{domain("https://a.example"), "https://a.example/?iss=x", false},

		{domain("https://*.a.example"), "https://x.a.example/cb", true},
		{domain("https://*.a.example"), "https://a.example/cb", false},
		{domain("https://*.a.example"), "https://y.x.a.example/cb", false},
		{domain("https://*.a.example"), "https://.a.example/cb", false},
		{domain("https://*.a.example"), "https://*.a.example/cb", false},
		{domain("https://*.a.example"), "https://x.b.example/cb", false},
		{domain("https://*.a.example"), "https://xa.example/cb", false},
		{domain("https://*.*.a.example"), "https://y.x.a.example/cb", true},
		{domain("https://x.*.a.example"), "https://x.y.a.example/", true},
		{domain("https://x.*.a.example"), "https://y.y.a.example/", false},
		{domain("https://pre*.a.example"), "https://prefix.a.example/", false},
		{domain("https://*.github.io"), "https://evil.github.io/", false},
		{domain("https://*.com"), "https://evil.com/", false},
		{domain("https://*"), "https://evil/", false},
		{domain("http://*.a.example"), "http://x.a.example/", false},
		{domain("https://*.*.compute.amazonaws.com"), "https://evil.eu-1.compute.amazonaws.com/", false},
		{domain("https://*.compute.amazonaws.com"), "https://eu-1.compute.amazonaws.com/", false},
		{domain("https://*.*.amazonaws.com"), "https://evil.s3.amazonaws.com/", false}, // a suffix below a wildcard's name
		{domain("https://*.*.amazonaws.com"), "https://www.docs.amazonaws.com/", true},
		{domain("https://*.mine.eu-1.compute.amazonaws.com"), "https://x.mine.eu-1.compute.amazonaws.com/", true},
		{domain("https://*.www.ck"), "https://x.www.ck/", true}, // an exception of the list
		{domain("https://*.foo.ck"), "https://x.foo.ck/", false},

		{domain("http://localhost:8080"), "http://localhost:8080/cb", true},
		{domain("http://localhost"), "http://localhost:80/cb", true},
		{domain("http://localhost:8080"), "http://127.0.0.1:8080/cb", false},
		{domain("http://127.0.0.1:8080"), "http://127.0.0.1:8080/cb", true},
		{domain("http://[::1]:8080"), "http://[::1]:8080/cb", true},
		{domain("http://*.localhost:3000"), "http://app.localhost:3000/cb", true},
		{domain("http://a.example"), "http://a.example/", true},
		{domain("http://a.example"), "https://a.example/", false},
		{domain(""), "https://a.example", false},
	} {
		require.Equal(t, test.allowed, client.RedirectAllowed(test.client, test.uri), "%+v %q", test.client, test.uri)
	}
}

func TestDomainsThatAreNotRegistered(t *testing.T) {
	for _, good := range []string{
		"https://a.example", "https://a.example/cb", "https://*.a.example", "https://*.a.github.io", "https://x.*.a.example:8443",
		"http://localhost:8080", "http://*.localhost", "http://a.example", "https://10.0.0.1", "https://xn--bcher-kva.example",
	} {
		require.NoError(t, client.ParseDomain(good), good)
	}
	for _, bad := range []string{
		"", "a.example", "localhost:8080", "https://", "http://*.a.example", "http://*.10.0.0.1", "app://callback", "https://u@a.example",
		"https://a.example#x", "https://*", "https://*.com", "https://*.co.uk", "https://*.github.io", "https://a.*", "https://a.*.com",
		"https://*.compute.amazonaws.com", "https://*.*.compute.amazonaws.com", "https://x.*.compute.amazonaws.com", "https://*.*.ck",
		"https://*.0.0.1", "https://*.a.example.", "https://a*.example.com", "https://*.*b.example.com", "https://bücher.example",
		"https://a.example:0", "https://a.example:99999", "https://a..example", "https://-a.example", "https://%61.example",
	} {
		require.Error(t, client.ParseDomain(bad), bad)
	}
}

func TestRedirectURIsThatAreNotRegistered(t *testing.T) {
	for _, bad := range []string{
		"", "/cb", "cb", "https:cb", "https:///cb", "http://a.example/", "https://*.a.example/", "https://a.example/#", "data:text/html,x",
		"javascript:1", "JavaScript:1", "vbscript:1", "file:///etc/passwd", "blob:https://a.example/x", "https://a.example/?code=1",
		"https://a.example/?a=%zz", "https://a.example/a b", "https://a.example/\"", "intent:cb", "intent://scan/", "myapp://cb", "mailto:a@a.example",
		"tel:1", "ms-settings:", "market://details", "steam://run", "x-callback-url://a",
	} {
		require.Error(t, client.CheckRedirectURI(bad), bad)
	}
	for _, good := range []string{
		"https://a.example/cb", "com.example.app:/cb", "com.example.app://cb", "io.github.user.my-app:cb", "http://localhost/cb", "http://[::1]:8080/cb",
	} {
		require.NoError(t, client.CheckRedirectURI(good), good)
	}
}

func TestNamesThatCouldBeMistaken(t *testing.T) {
	for _, bad := range []string{
		"Evil \u202eelgooG", "a\u200bb", "a\u2066b", "a\u200eb", "a\u00adb", "a\ufeff", "a\nb", "a\tb", "a\u2028b", "a\u3164b", "\u115f", "a\u034fb",
		"a\ue000", "a\U000e0041", "a\u2800", " ", "\u00a0", "a\ufe00", "a\U0010ffff", "a\u0085", "a\x7f",
		"\u0410lby", "Alb\u0443", "Pay\u03c1al", "\u0397otel", "\u13aapp", "\uab72ay", "\U0001d400lb\u0443", "Wallet \u041e\u041e", "\u05d5allet",
		"\u3042\u0430", "\u30a2\uac00", "a\u0301\u0302\u0303\u0304\u0305",
	} {
		settings := client.Settings{Name: bad, Domain: "https://a.example"}
		var invalid *client.InvalidError
		require.ErrorAs(t, settings.Check(nil), &invalid, "%q", bad)
		require.ErrorAs(t, client.Change{Name: &bad}.Check(nil), &invalid, "%q", bad)
	}
	for _, good := range []string{"Läden & Söhne", "私のアプリ", "Walletアプリ・私の", "가방 Wallet 韓", "ㄅㄆ錢包 App", "Кошелёк", "Πορτοφόλι", "محفظة 21", "µPay ½ № 1™",
		"Tiếng Việt", "Ａｌｂｙ", "تطبيق", "אפליקציה", "Wallet ❤️ 🪙", "It's (mine) – v2.0", "é"} {
		require.NoError(t, client.Settings{Name: good, Domain: "https://a.example"}.Check(nil), good)
	}
	for _, bad := range []string{"Evil \u202eelgooG", "\u0410lby", "", " "} { // registered before it was refused
		require.Equal(t, "app", client.ShownName(bad, "app"))
	}
	require.Equal(t, "Läden", client.ShownName("Läden", "app"))
	require.Equal(t, "ann elgooG", client.Visible("ann \u202eelgooG"))
}

func TestWhatWasRegisteredBeforeStays(t *testing.T) {
	before := registry.Client{RedirectURIs: []string{"myapp://cb"}}
	uris := []string{"myapp://cb", "com.example.app:/cb"}
	require.NoError(t, client.Change{RedirectURIs: &uris}.Apply(&before))
	require.Equal(t, uris, before.RedirectURIs)
	uris = []string{"myapp://cb", "myapp://another"}
	var invalid *client.InvalidError
	require.ErrorAs(t, client.Change{RedirectURIs: &uris}.Apply(&before), &invalid)
	require.NotContains(t, invalid.Error(), `"myapp://cb"`)
}
