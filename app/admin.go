package app

import (
	"net/http"
	"time"
)

// adminServer is for operators: the admin API and what a supervisor asks.
func (a *App) adminServer() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("/admin/", a.authz.Admin())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"ok"}`)) // the caller has gone when this fails
	})
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerLimit,
	}
}
