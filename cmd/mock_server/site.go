package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"gatehouse/cmd/demoapp"
)

// demoSite is the demo application, and beside it the shop whose invoices it pays, the tour as text to paste, and what makes
// the tour's answers readable.
func demoSite(d demo, wallet *wallet, steps []step) http.Handler {
	var text strings.Builder
	textPrinter{out: &text}.printTour(steps)
	return demoapp.Handler(demoapp.Settings{
		Origin: d.App, Issuer: d.Issuer, ClientID: demoClientID, Routes: d.Routes, HasShop: true,
		Hint: fmt.Sprintf("Sign in with login “%s” and password “%s”.", d.User.Login, d.User.Password),
	}, map[string]http.Handler{
		"GET /shop/invoice": http.HandlerFunc(wallet.shopInvoice),
		"GET /tour": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, text.String()) // the caller has gone when this fails
		}),
		"PUT /pretty": http.HandlerFunc(pretty),
	})
}

// maxPretty is more than any answer of the tour.
const maxPretty = 1 << 20

// pretty answers with the JSON that it is sent, indented. What stands before it, such as the head of an answer, stays as it is,
// and so does what is no JSON.
func pretty(w http.ResponseWriter, r *http.Request) {
	sent, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPretty))
	if err != nil {
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	sent = bytes.TrimSpace(sent)
	head, body := sent[:0], sent
	if i := bytes.LastIndexByte(sent, '\n'); i >= 0 {
		head, body = sent[:i+1], sent[i+1:]
	}
	var out bytes.Buffer
	out.Write(head)
	if json.Indent(&out, body, "", "  ") != nil {
		out.Truncate(len(head))
		out.Write(body)
	}
	out.WriteByte('\n')
	_, _ = w.Write(out.Bytes()) // the caller has gone when this fails
}
