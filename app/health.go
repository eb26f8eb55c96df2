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

// readyTimeout bounds what finding out whether a process is ready may take.
const readyTimeout = 2 * time.Second

var errNotLoaded = errors.New("not loaded yet")

// health knows of which parts a process consists and whether each is ready. Parts are added before it serves.
type health struct {
	parts    []part
	draining atomic.Bool
}

type part struct {
	name  string
	ready func(context.Context) error
}

func (h *health) add(name string, ready func(context.Context) error) {
	h.parts = append(h.parts, part{name, ready})
}

// serveLive answers as long as the process can answer at all; what is not ready is not a reason to kill it.
func (h *health) serveLive(w http.ResponseWriter, _ *http.Request) {
	writeReport(w, http.StatusOK, map[string]string{"status": "ok"})
}

// serveReady says whether requests should be sent here, and if not, which part is the reason. A process that drains is
// not ready.
func (h *health) serveReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	report := make(map[string]string, len(h.parts)+1)
	status := http.StatusOK
	for name, err := range h.ask(ctx) {
		report[name] = "ok"
		if err != nil {
			report[name] = err.Error()
			status = http.StatusServiceUnavailable
		}
	}
	report["status"] = "ready"
	switch {
	case h.draining.Load():
		report["status"] = "draining"
		status = http.StatusServiceUnavailable
	case status != http.StatusOK:
		report["status"] = "not ready"
	}
	writeReport(w, status, report)
}

// ask asks all parts at once, so that two slow ones take no longer than one.
func (h *health) ask(ctx context.Context) map[string]error {
	answers := make(map[string]error, len(h.parts))
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, p := range h.parts {
		wait.Go(func() {
			err := p.ready(ctx)
			mu.Lock()
			defer mu.Unlock()
			answers[p.name] = err
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
