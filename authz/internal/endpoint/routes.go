package endpoint

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"gatehouse/authz/keyring"
)

// Routes are the handlers of each path, by method. GET answers HEAD too.
type Routes map[string]map[string]http.HandlerFunc

// Handler serves the routes. What is none of them is failed with ErrNotFound or ErrMethodNotAllowed.
func (all Routes) Handler(fail func(http.ResponseWriter, *http.Request, error)) http.Handler {
	mux := http.NewServeMux()
	for path, methods := range all {
		allowed := make([]string, 0, len(methods)+1)
		for method := range methods {
			allowed = append(allowed, method)
		}
		get, answersHead := methods[http.MethodGet]
		if answersHead {
			allowed = append(allowed, http.MethodHead)
		}
		slices.Sort(allowed)
		allow := strings.Join(allowed, ", ")
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			handle, ok := methods[r.Method]
			switch {
			case ok:
				handle(w, r)
			case answersHead && r.Method == http.MethodHead:
				get(w, r)
			default:
				w.Header().Set("Allow", allow)
				fail(w, r, ErrMethodNotAllowed)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fail(w, r, ErrNotFound) })
	return mux
}

// Deadline bounds a request. Nothing else ends it: what was begun, above all a revocation, is finished although the caller
// has hung up.
func Deadline(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), keyring.RequestTimeout)
}
