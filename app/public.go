package app

import (
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp"

	"gatehouse/gateway"
)

// publicServer is what the world sees: first what no request may look like, then the authorization server's endpoints,
// then the gateway, which refuses everything that is not a route.
func (a *App) publicServer() *fiber.App {
	server := fiber.New(fiber.Config{
		AppName:               "gatehouse",
		CaseSensitive:         true,
		StrictRouting:         true,
		DisableStartupMessage: true,
		ReadBufferSize:        a.config.Limits.HeaderSize,
		Concurrency:           connectionLimit(a.config.Limits),
		// The listener's connections have the timeouts, the gateway the limit of bodies.
		ErrorHandler: gateway.ErrorHandler(a.log),
	})
	server.Server().Logger = connectionLog{a.log}
	server.Server().SecureErrorLogMessage = true
	server.Server().NoDefaultServerHeader = true
	server.Server().CloseOnShutdown = true

	server.Use(recover.New())
	server.Use(gateway.Refuse)
	if a.authz != nil {
		a.mountAuthz(server)
	}
	if a.gateway != nil {
		server.Use(a.gateway.Handle)
	}
	a.gateway.Bind(server.Server())
	server.Server().Handler = a.gateway.OtherMethods(server.Handler()) // also without a gateway
	server.Server().Handler = a.gateway.ShareWithOrigins(a.config.CORS, sharedEndpoints, server.Server().Handler)
	if a.tracing != nil {
		server.Server().Handler = a.tracing.serve(server.Server().Handler)
	}
	server.Server().Handler = a.observer.serve(server.Server().Handler)
	server.Server().ErrorHandler = a.observer.serveError(refused(server.Server().ErrorHandler))
	server.Server().ExpectHandler = a.observer.serveExpected(server.Server().ExpectHandler)
	return server
}

// refused answers what the listener refuses to read any further, and passes the rest on.
func refused(next func(*fasthttp.RequestCtx, error)) func(*fasthttp.RequestCtx, error) {
	return func(ctx *fasthttp.RequestCtx, err error) {
		if !gateway.AnswerRefusal(ctx, err) {
			next(ctx, err)
		}
	}
}

func (a *App) mountAuthz(server *fiber.App) {
	public := a.mount(a.authz.Public())
	for _, path := range []string{"/oauth/*", "/.well-known/*", "/clients", "/clients/*"} {
		server.All(path, public)
	}
	if a.options.PublicAdmin {
		server.All("/admin/*", a.mount(a.authz.Admin()))
	}
}
