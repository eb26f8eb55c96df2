package app

import (
	"log/slog"
	"net/http"
	"time"
)

// adminServer is for operators: the admin API and what a supervisor asks.
func (a *App) adminServer() *http.Server {
	mux := http.NewServeMux()
	if a.authz != nil {
		api := a.observeAdmin(a.authz.Admin())
		mux.Handle("/admin/", api)
		mux.Handle("/admin", api) // not a redirect
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeReport(w, http.StatusNotFound, map[string]string{"error": "not_found", "error_description": "There is nothing here."})
	})
	mux.Handle("GET /metrics", a.metrics.handler(a.log))
	mux.HandleFunc("GET /healthz", a.health.serveLive)
	mux.HandleFunc("GET /readyz", a.health.serveReady)
	return a.internalServer(mux)
}

// internalServer is for callers that we know.
func (a *App) internalServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelError),
	}
}
