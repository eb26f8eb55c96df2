package app

import (
	"cmp"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"gatehouse/gateway"
)

// observeAdmin gives each request of the admin API an id and a line in the log. Refused ones have a line, too: it shows who
// tries tokens. Probes and scrapes have none.
func (a *App) observeAdmin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := []byte(r.Header.Get(fiber.HeaderXRequestID))
		if !isRequestID(id) {
			id = appendRequestID(nil)
		}
		w.Header().Set(fiber.HeaderXRequestID, string(id))
		r = r.WithContext(withRequestID(r.Context(), id))
		r.Pattern = "" // that of the API says more
		answer := &countedAnswer{ResponseWriter: w}
		began := time.Now()
		next.ServeHTTP(answer, r)
		if a.config.Log.Access {
			a.writeAdminLine(r, answer, time.Since(began))
		}
	})
}

func (a *App) writeAdminLine(r *http.Request, answer *countedAnswer, took time.Duration) {
	route := r.Pattern
	if route == "" || route == "/" { // refused before it was matched, or matched by what answers 404
		route = noRoute
	}
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	a.log.InfoContext(r.Context(), "admin request",
		slog.String("method", gateway.MethodNamed(r.Method).String()),
		slog.String("route", route),
		slog.Int("status", cmp.Or(answer.status, http.StatusOK)),
		slog.Float64("duration_ms", milliseconds(took)),
		slog.Int64("bytes_in", max(r.ContentLength, 0)),
		slog.Int("bytes_out", answer.size),
		slog.String("remote", remote),
	)
}

// countedAnswer knows what was answered.
type countedAnswer struct {
	http.ResponseWriter
	status, size int
}

func (a *countedAnswer) WriteHeader(status int) {
	a.status = cmp.Or(a.status, status)
	a.ResponseWriter.WriteHeader(status)
}

func (a *countedAnswer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.size += n
	return n, err
}
