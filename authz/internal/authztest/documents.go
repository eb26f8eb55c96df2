package authztest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client/document"
)

// Documents is a server of metadata documents on this machine, at https://localhost:port/, with an authority of its own.
type Documents struct {
	// At is the URL of a document, and so a client_id.
	At     string
	server *httptest.Server
	roots  *x509.CertPool

	mu      sync.Mutex
	answer  http.HandlerFunc
	fetches int
}

// NewDocuments starts a server whose every path answers as Says says, or with 404 before that.
func NewDocuments(t testing.TB) *Documents {
	t.Helper()
	certificate, roots := NewCertificate(t, "localhost")
	d := &Documents{roots: roots, answer: http.NotFound}
	d.server = httptest.NewUnstartedServer(http.HandlerFunc(d.serve))
	d.server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	d.server.StartTLS()
	t.Cleanup(d.server.Close)
	d.At = strings.Replace(d.server.URL, "127.0.0.1", "localhost", 1) + "/agent.json"
	return d
}

func (d *Documents) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.fetches++
	answer := d.answer
	d.mu.Unlock()
	answer(w, r)
}

// Source finds the documents of the server, with what else change sets.
func (d *Documents) Source(t testing.TB, change func(*document.Config)) *document.Source {
	t.Helper()
	config := document.Config{Allow: netip.Addr.IsLoopback, RootCAs: d.roots}
	change(&config)
	source, err := document.New(config)
	require.NoError(t, err)
	return source
}

// Says makes each URL answer with members about itself, beside its client_id.
func (d *Documents) Says(members map[string]any) {
	d.Answers(func(w http.ResponseWriter, r *http.Request) {
		all := map[string]any{"client_id": "https://" + r.Host + r.RequestURI}
		maps.Copy(all, members)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(all)
	})
}

// Answers makes the handler answer.
func (d *Documents) Answers(handler http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = handler
}

// Fetches is how many requests there were.
func (d *Documents) Fetches() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fetches
}
