package app

import (
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"gatehouse/gateway"
)

const (
	// headerLimit has room for an access token with many scopes beside a browser's cookies.
	headerLimit = 16 << 10
	bodyLimit   = 4 << 20
	readTimeout = 30 * time.Second
	// writeTimeout is how long a caller may take to read an answer.
	writeTimeout = 60 * time.Second
	idleTimeout  = 75 * time.Second
)

// publicServer is what the world sees: first what no request may look like, then the authorization server's endpoints,
// then the gateway, which refuses everything that is not a route.
func (a *App) publicServer() *fiber.App {
	server := fiber.New(fiber.Config{
		AppName:               "gatehouse",
		CaseSensitive:         true,
		StrictRouting:         true,
		DisableStartupMessage: true,
		ReadBufferSize:        headerLimit,
		BodyLimit:             bodyLimit,
		// A body that was parsed would be forwarded as it was put together again, not as it was sent.
		DisablePreParseMultipartForm: true,
		// A body is read after its request was authorized, and never into more memory than has arrived.
		StreamRequestBody: true,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		ErrorHandler:      gateway.ErrorHandler(a.log),
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
	server.Server().Handler = a.gateway.OtherMethods(server.Handler()) // also without a gateway
	if a.tracing != nil {
		server.Server().Handler = a.tracing.serve(server.Server().Handler)
	}
	server.Server().Handler = a.observer.serve(server.Server().Handler)
	server.Server().ErrorHandler = a.observer.serveError(server.Server().ErrorHandler)
	return server
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
