package app

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
)

// mount serves a net/http handler on Fiber. The handler gets a context that ends when it returns: the one of the adaptor
// is an object that fasthttp uses for the next request, too. A handler that panics answers 500 and takes nothing along.
func mount(handler http.Handler, log *slog.Logger) fiber.Handler {
	return adaptor.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		defer func() {
			if recovered := recover(); recovered != nil {
				log.Error("handler panicked", "path", r.URL.Path, "panic", recovered, "stack", string(debug.Stack()))
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write([]byte(`{"error":"server_error"}`)) // the caller has gone when this fails
			}
		}()
		handler.ServeHTTP(w, r.WithContext(ctx))
	}))
}
