package app

import (
	"math"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway"
)

// publicServer is what the world sees. Fiber serves the connections; what becomes of a request is read in gateway.Serve.
func (a *App) publicServer() *fiber.App {
	server := fiber.New(fiber.Config{
		AppName:               "gatehouse",
		DisableStartupMessage: true,
		ReadBufferSize:        a.config.Limits.HeaderSize,
		// The listener has the timeouts and the limit of connections, the gateway that of bodies. A limit of the server's own
		// would be reached first now and then, since a connection gives its place back before its worker is ready again; the
		// server would then answer from the goroutine that accepts.
		Concurrency:  math.MaxInt32,
		ErrorHandler: gateway.ErrorHandler(a.log),
	})
	server.Server().Logger = connectionLog{a.log}
	server.Server().SecureErrorLogMessage = true
	server.Server().NoDefaultServerHeader = true
	server.Server().CloseOnShutdown = true
	a.gateway.Bind(server.Server())
	return server
}

// mountAuthz puts the authorization server, if there is one, beside the gateway's routes.
func (a *App) mountAuthz(config *gateway.Config) {
	if a.authz == nil {
		return
	}
	config.SharedEndpoints = endpointsWithCORS(a.config.Issuer)
	config.Start = a.mount(a.authz.Public())
	config.Reserved = make(map[string]fasthttp.RequestHandler)
	for _, first := range []string{"oauth", ".well-known", "clients", "account"} {
		config.Reserved[first] = config.Start
	}
	if a.options.PublicAdmin {
		config.Reserved["admin"] = a.mount(a.authz.Admin())
	}
}
