package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// readyTimeout bounds what finding out whether a process is ready may take.
	readyTimeout = 2 * time.Second
	// watchTimeout is as much for a part that the process can do without.
	watchTimeout = 500 * time.Millisecond
)

var errNotLoaded = errors.New("not loaded yet")

// health knows of which parts a process consists and whether each is ready. Parts are added before it serves.
type health struct {
	parts    []part
	draining atomic.Bool
}

type part struct {
	name   string
	ready  func(context.Context) error
	needed bool
}

func (p *part) timeout() time.Duration {
	if p.needed {
		return readyTimeout
	}
	return watchTimeout
}

// need adds a part that the process cannot do without: while it is not ready, requests should be sent elsewhere.
func (h *health) need(name string, ready func(context.Context) error) {
	h.parts = append(h.parts, part{name, ready, true})
}

// watch adds a part that most requests do not need. Those that do would fare no better elsewhere.
func (h *health) watch(name string, ready func(context.Context) error) {
	h.parts = append(h.parts, part{name, ready, false})
}

// serveLive answers as long as the process can answer at all. That a part is not ready is no reason to kill it.
func (h *health) serveLive(w http.ResponseWriter, _ *http.Request) {
	writeReport(w, http.StatusOK, map[string]string{"status": "ok"})
}

// serveReady says whether requests should be sent here, and which parts are not ready. While only parts that it can do
// without are not, the process is degraded, which is as good as ready. While it drains it is not ready.
func (h *health) serveReady(w http.ResponseWriter, r *http.Request) {
	report := make(map[string]string, len(h.parts)+1)
	report["status"] = "ready"
	status := http.StatusOK
	for i, err := range h.ask(r.Context()) {
		p := h.parts[i]
		if err == nil {
			report[p.name] = "ok"
			continue
		}
		report[p.name] = err.Error()
		switch {
		case p.needed:
			report["status"], status = "not ready", http.StatusServiceUnavailable
		case status == http.StatusOK:
			report["status"] = "degraded"
		}
	}
	if h.draining.Load() {
		report["status"], status = "draining", http.StatusServiceUnavailable
	}
	writeReport(w, status, report)
}

// ask asks all parts at once, so that two slow ones take no longer than one, and returns their answers in their order.
func (h *health) ask(ctx context.Context) []error {
	answers := make([]error, len(h.parts))
	var wait sync.WaitGroup
	for i, p := range h.parts {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, p.timeout())
			defer cancel()
			answers[i] = p.ready(ctx)
		})
	}
	wait.Wait()
	return answers
}

func writeReport(w http.ResponseWriter, status int, report map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(report) // the caller has gone when this fails
}
