package endpoint

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// WriteJSON answers with a body that nobody may store: nearly everything here is about one client or one user.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		status, encoded = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json;charset=UTF-8")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")
	}
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the caller has gone when this fails
}

// SayUnconfirmed tells the caller how many gateways may not know yet of what was revoked. Most answers have no body to say it
// in.
func SayUnconfirmed(w http.ResponseWriter, gateways int) {
	if gateways > 0 {
		w.Header().Set("Unconfirmed-Gateways", strconv.Itoa(gateways))
	}
}
