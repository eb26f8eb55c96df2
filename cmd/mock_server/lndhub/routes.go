package lndhub

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
)

// maxBody is the longest request body that is read.
const maxBody = 250_000

// call is one request, and the user who makes it where the route is for users.
type call struct {
	*http.Request
	header http.Header // of the answer
	user   int64
}

// handler returns what is answered with 200, or what is refused.
type handler func(c *call) (any, *Refusal)

func (h *Hub) newRoutes() http.Handler {
	mux := http.NewServeMux()
	open := func(route string, answer handler) { mux.Handle(route, h.open(answer)) }
	user := func(route string, answer handler) { mux.Handle(route, h.Secured(answer.serve)) }
	payment := func(route string, answer handler) { user(route, h.strictly(answer)) }

	open("POST /auth", h.auth)
	open("POST /create", h.administered(h.create))
	open("POST /v2/users", h.administered(h.createV2))
	if h.config.AdminToken != "" {
		open("PUT /v2/admin/users", h.administered(h.updateUser))
	}
	open("POST /invoice/{user_login}", h.addInvoiceOf)

	user("GET /v2/balance", h.balanceV2)
	user("POST /v2/invoices", h.addInvoiceV2)
	user("GET /v2/invoices/incoming", h.incomingV2)
	user("GET /v2/invoices/outgoing", h.outgoingV2)
	user("GET /v2/invoices/{payment_hash}", h.invoiceV2)
	payment("POST /v2/payments/bolt11", h.payV2)
	payment("POST /v2/payments/keysend", h.keysendV2)
	payment("POST /v2/payments/keysend/multi", h.keysendsV2)

	user("GET /balance", h.balance)
	user("POST /addinvoice", h.addInvoice)
	user("GET /getuserinvoices", h.incoming)
	user("GET /gettxs", h.outgoing)
	user("GET /checkpayment/{payment_hash}", h.checkPayment)
	payment("POST /payinvoice", h.pay)
	payment("POST /keysend", h.keysend)
	user("GET /getinfo", h.info)
	user("GET /getbtc", nothing)
	user("GET /getpending", nothing)

	// Whatever else is asked for, with whatever method, is behind the check of the token.
	mux.Handle("/", h.Secured(func(w http.ResponseWriter, r *http.Request, _ int64) { answer(w, http.StatusNotFound, "Not Found") }))
	return mux
}

func nothing(*call) (any, *Refusal) { return []string{}, nil }

// ServeHTTP implements http.Handler.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.ContentLength > maxBody:
		answer(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	case !h.requests.allow(realIP(r)):
		answer(w, http.StatusTooManyRequests, "rate limit exceeded")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	h.mu.Lock()
	trouble := h.troubles[r.URL.Path]
	h.mu.Unlock()
	if trouble != nil {
		trouble(w, r, h.routes)
		return
	}
	h.routes.ServeHTTP(w, r)
}

// realIP is the first address of X-Forwarded-For, whoever wrote it, then X-Real-IP, then the peer.
func realIP(r *http.Request) string {
	if forwarded := r.Header.Get("X-Forwarded-For"); forwarded != "" {
		first, _, several := strings.Cut(forwarded, ",")
		if !several {
			return first
		}
		return strings.Trim(strings.TrimSpace(first), "[]")
	}
	if ip := r.Header.Get("X-Real-Ip"); ip != "" {
		return strings.Trim(ip, "[]")
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

func (h *Hub) open(answer handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer.serve(w, r, 0) })
}

func (answers handler) serve(w http.ResponseWriter, r *http.Request, user int64) {
	body, refused := answers(&call{Request: r, header: w.Header(), user: user})
	switch {
	case refused == nil:
		answer(w, http.StatusOK, body)
	case refused.body != nil:
		answer(w, refused.status, refused.body)
	default:
		answer(w, refused.status, refused)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller is gone, and nobody else to tell
}

// bind decodes the body, of which there may be none. It reads JSON and ignores forms; what says that it is something else, or
// nothing, is refused.
func (c *call) bind(into any) *Refusal {
	if c.ContentLength == 0 {
		return nil
	}
	kind := c.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(kind, "application/json"):
		if json.NewDecoder(c.Body).Decode(into) != nil {
			return badArguments
		}
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		if err := c.ParseForm(); err != nil && !errors.Is(err, io.EOF) {
			return badArguments
		}
	default:
		return badArguments
	}
	return nil
}
