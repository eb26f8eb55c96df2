package resource

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Handler publishes the documents. Anyone may read them, from any origin, and keep them for maxAge, in whole seconds.
func (s *Set) Handler(maxAge time.Duration) http.Handler {
	cached := fmt.Sprintf("public, max-age=%d", maxAge/time.Second)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			fail(w, http.StatusMethodNotAllowed, "method_not_allowed", "The method is not allowed here.")
			return
		}
		document, ok := s.Document(r.Host, r.URL.EscapedPath())
		if !ok {
			fail(w, http.StatusNotFound, "not_found", "There is no such resource.")
			return
		}
		h.Set("Cache-Control", cached)
		_ = json.NewEncoder(w).Encode(document) // the caller has gone when this fails
	})
}

func fail(w http.ResponseWriter, status int, code, description string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":%q}`, code, description)
}
