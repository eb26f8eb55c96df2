package demoapp

import (
	"embed"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"gatehouse/gateway"
)

// CallbackPath is where the authorization server sends the user back to.
const CallbackPath = "/callback"

// Settings are what the page is told.
type Settings struct {
	Origin   string // where it is itself
	Issuer   string // of the authorization server; the routes are there, too
	ClientID string
	Hint     string // how its users sign in; may be empty
	Routes   []gateway.Route
	HasShop  bool // GET /shop/invoice of its own origin answers with an invoice to pay
}

//go:embed index.html app.css app.js
var files embed.FS

// Handler serves the page, and what else there is at its origin below the patterns of others. It answers under the name of
// its origin only: a site that points a name of its own at this machine gets nothing.
func Handler(s Settings, others map[string]http.Handler) http.Handler {
	mux := http.NewServeMux()
	for pattern, other := range others {
		mux.Handle(pattern, other)
	}
	mux.Handle("GET /{$}", file("index.html"))
	mux.Handle("GET "+CallbackPath, file("index.html"))
	mux.Handle("GET /app.js", file("app.js"))
	mux.Handle("GET /app.css", file("app.css"))
	told := s.told()
	mux.HandleFunc("GET /settings.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(told) // the browser has gone when this fails
	})
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' " + originOf(s.Issuer) +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	host := strings.TrimPrefix(s.Origin, "http://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host {
			http.Redirect(w, r, s.Origin+"/", http.StatusTemporaryRedirect)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // the address may hold a code
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// file serves one of the page's files.
func file(name string) http.Handler {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded: it is there or the program does not build
	}
	kind := map[string]string{".html": "text/html", ".css": "text/css", ".js": "text/javascript"}[path.Ext(name)]
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind+"; charset=utf-8")
		_, _ = w.Write(content) // the browser has gone when this fails
	})
}

func originOf(issuer string) string {
	parsed, err := url.Parse(issuer)
	if err != nil {
		panic(err) // an issuer that is no URL was refused before
	}
	return parsed.Scheme + "://" + parsed.Host
}

// told is what settings.json says.
type told struct {
	Issuer      string   `json:"issuer"`
	ClientID    string   `json:"client_id"`
	RedirectURI string   `json:"redirect_uri"`
	Scope       string   `json:"scope"`
	Hint        string   `json:"hint"`
	Balance     bool     `json:"balance"`
	Invoices    bool     `json:"invoices"`
	Payments    bool     `json:"payments"`
	Shop        bool     `json:"shop"`
	Budget      *budget  `json:"budget,omitempty"`
	Reads       []string `json:"reads"` // paths that can be read without knowing anything
}

// budget is what the page asks to spend, as authorization details say it (RFC 9396).
type budget struct {
	Type   string `json:"type"`
	Unit   string `json:"unit"`
	Limit  int64  `json:"limit"`
	Period string `json:"period"`
}

// monthly is how much the page asks for: two orders of the mock server's shop, and not three.
const monthly = 5_000

// told finds out what the page can do. It asks for the scopes that this needs, and for no others.
func (s Settings) told() told {
	t := told{
		Issuer: s.Issuer, ClientID: s.ClientID, RedirectURI: s.Origin + CallbackPath, Hint: s.Hint, Reads: []string{},
	}
	var scopes []string
	uses := func(method, path string) bool {
		i := slices.IndexFunc(s.Routes, func(r gateway.Route) bool { return r.Path == path && slices.Contains(r.Methods, method) })
		if i < 0 {
			return false
		}
		if scope := s.Routes[i].Scope; scope != "" && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
		return true
	}
	t.Balance = uses(http.MethodGet, "/balance")
	t.Invoices = uses(http.MethodPost, "/invoices")
	t.Payments = uses(http.MethodPost, "/payments/bolt11")
	for _, scope := range scopes {
		if unit, spends := gateway.SpendUnits(s.Routes)[scope]; spends {
			t.Budget = &budget{"spend", unit, monthly, "month"}
		}
	}
	t.Shop = t.Payments && s.HasShop
	if !t.Balance && !t.Invoices && !t.Payments { // no wallet: whatever there is to read
		for _, r := range s.Routes {
			isPlain := slices.Contains(r.Methods, http.MethodGet) && !r.WebSocket && !strings.ContainsAny(r.Path, "{*")
			if isPlain && uses(http.MethodGet, r.Path) {
				t.Reads = append(t.Reads, r.Path)
			}
		}
	}
	t.Scope = strings.Join(scopes, " ")
	return t
}
