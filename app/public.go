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

// reservedHandlers are what is mounted beside the gateway's routes.
func (a *App) reservedHandlers() map[string]fasthttp.RequestHandler {
	handlers := make(map[string]fasthttp.RequestHandler)
	if a.authz == nil {
		return handlers
	}
	public := a.mount(a.authz.Public())
	for _, first := range []string{"oauth", ".well-known", "clients", "account"} {
		handlers[first] = public
	}
	if a.options.PublicAdmin {
		handlers["admin"] = a.mount(a.authz.Admin())
	}
	return handlers
}
