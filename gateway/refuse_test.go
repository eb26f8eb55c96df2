package gateway_test

import (
	"log/slog"
	"net"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func TestMethodsThatFiberDoesNotKnow(t *testing.T) {
	two := []string{"Authorization: Bearer a", "Authorization: Bearer b"}
	codes := map[int]string{400: "invalid_request", 404: "not_found", 405: "method_not_allowed"}
	for name, test := range map[string]struct {
		request string
		with    int // the status where a gateway is
		allow   string
		without int
	}{
		"a route":                   {raw("FOO /balance"), 405, "GET, HEAD", 404},
		"no route":                  {raw("FOO /nowhere"), 404, "", 404},
		"an endpoint of others":     {raw("FOO /oauth/token"), 405, "", 405},
		"capitals":                  {raw("FOO /OAuth/token"), 405, "", 405},
		"lower case":                {raw("foo /.well-known/jwks.json"), 405, "", 405},
		"a body":                    {withBody("a=b", "FOO /clients/id"), 405, "", 405},
		"an ambiguous path":         {raw("FOO /a//b"), 400, "", 400},
		"two Authorization headers": {raw("FOO /oauth/token", two...), 400, "", 400},
		"no path":                   {raw("FOO *"), 400, "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, []gateway.Route{balance("http://127.0.0.1:1")}, options{})
			a := s.do(test.request)
			requireRefused(t, a, test.with, codes[test.with])
			require.Equal(t, test.allow, a.Header.Get("Allow"))

			a = serveWithoutGateway(t).do(test.request)
			requireRefused(t, a, test.without, codes[test.without])
			require.Empty(t, a.Header.Get("Allow"))
		})
	}
	t.Run("the others pass", func(t *testing.T) {
		require.Equal(t, 204, serveWithoutGateway(t).do(raw("GET /oauth/token")).StatusCode)
	})
}

// serveWithoutGateway is a listener with endpoints of others alone.
func serveWithoutGateway(t *testing.T) *system {
	t.Helper()
	app := fiber.New(fiber.Config{
		CaseSensitive: true, StrictRouting: true, DisableStartupMessage: true,
		ErrorHandler: gateway.ErrorHandler(slog.New(slog.DiscardHandler)),
	})
	app.Use(gateway.Refuse)
	app.All("/oauth/*", func(c *fiber.Ctx) error { return c.SendStatus(204) })
	var none *gateway.Gateway
	app.Server().Handler = none.OtherMethods(app.Handler())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Listener(ln) }()
	t.Cleanup(func() {
		require.NoError(t, app.ShutdownWithTimeout(patience))
		require.NoError(t, <-served)
	})
	return &system{t: t, addr: ln.Addr().String()}
}
