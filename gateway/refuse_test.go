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
		without int
		allow   string // beside a 405
	}{
		"a route":                   {raw("FOO /balance"), 405, 404, "GET, HEAD"},
		"no route":                  {raw("FOO /nowhere"), 404, 404, ""},
		"an endpoint of others":     {raw("FOO /oauth/token"), 405, 405, "POST"},
		"lower case":                {raw("foo /oauth/token"), 405, 405, "POST"},
		"a body":                    {withBody("a=b", "FOO /oauth/token"), 405, 405, "POST"},
		"capitals":                  {raw("FOO /OAuth/token"), 404, 404, ""},
		"nothing of others":         {raw("FOO /.well-known/nothing"), 404, 404, ""},
		"an ambiguous path":         {raw("FOO /a//b"), 400, 400, ""},
		"two Authorization headers": {raw("FOO /oauth/token", two...), 400, 400, ""},
		"no path":                   {raw("FOO *"), 400, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, []gateway.Route{balance("http://127.0.0.1:1")}, options{mount: mountOthers})
			a := s.do(test.request)
			requireRefused(t, a, test.with, codes[test.with])
			require.Equal(t, test.allow, a.Header.Get("Allow"))

			a = serveWithoutGateway(t).do(test.request)
			requireRefused(t, a, test.without, codes[test.without])
			if test.without == 405 {
				require.Equal(t, test.allow, a.Header.Get("Allow"))
			}
		})
	}
	t.Run("the others pass", func(t *testing.T) {
		require.Equal(t, 204, serveWithoutGateway(t).do(raw("POST /oauth/token")).StatusCode)
	})
}

// mountOthers is an endpoint that says by itself which method it has.
func mountOthers(app *fiber.App) {
	app.All("/oauth/token", func(c *fiber.Ctx) error {
		if c.Method() == fiber.MethodPost {
			return c.SendStatus(204)
		}
		c.Set("Allow", "POST")
		return fiber.ErrMethodNotAllowed
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
	mountOthers(app)
	var none *gateway.Gateway
	app.Server().Handler = none.OtherMethods(app.Handler())
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ln := &servedListener{Listener: tcp, served: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- app.Listener(ln) }()
	<-ln.served
	t.Cleanup(func() {
		require.NoError(t, app.ShutdownWithTimeout(patience))
		require.NoError(t, <-served)
	})
	return &system{t: t, addr: ln.Addr().String()}
}
