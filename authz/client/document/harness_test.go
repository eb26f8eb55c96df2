package document_test

import (
	"crypto/tls"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/authztest"
)

var caller = netip.MustParseAddr("192.0.2.1")

// world is a server of documents on this machine, behind a certificate of its own authority, and a Source that may reach it.
type world struct {
	*document.Source
	at      string // the URL of a document
	answer  http.HandlerFunc
	fetches atomic.Int64
	now     time.Time
}

func newWorld(t *testing.T, change func(*document.Config)) *world {
	t.Helper()
	w := &world{now: time.Unix(1_900_000_000, 0)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.fetches.Add(1)
		w.answer(rw, r)
	}))
	certificate, roots := authztest.NewCertificate(t, "localhost", "app.example")
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	w.at = strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/client.json"
	config := document.Config{
		Scopes:  map[string]string{"balance:read": "", "payments:send": ""},
		Allow:   netip.Addr.IsLoopback,
		RootCAs: roots,
		Now:     func() time.Time { return w.now },
	}
	if change != nil {
		change(&config)
	}
	source, err := document.New(config)
	require.NoError(t, err)
	w.Source = source
	w.answer = w.says(nil)
	return w
}

// metadata is a good document, with changes; nil removes.
func (w *world) metadata(changes map[string]any) map[string]any {
	members := map[string]any{"client_id": w.at, "client_name": "An agent", "redirect_uris": []string{"https://app.example/back"}}
	maps.Copy(members, changes)
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == nil })
	return members
}

func (w *world) says(changes map[string]any) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(w.metadata(changes))
	}
}

func (w *world) find(t *testing.T) (*document.Document, error) {
	t.Helper()
	return w.Find(t.Context(), w.at, caller)
}
