package main

import "net/http"

// refusal is an error as lndhub.go tells it: the JSON that it sends, and the status it sends it with.
type refusal struct {
	Status  int    `json:"-"`
	Failed  bool   `json:"error"`
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Message }

var (
	errBadAuth      = &refusal{http.StatusUnauthorized, true, 1, "bad auth"}
	errBadArguments = &refusal{http.StatusBadRequest, true, 8, "Bad arguments"}
	errExpired      = &refusal{http.StatusBadRequest, true, 2, "invoice expired"}
	errDestination  = &refusal{http.StatusBadRequest, true, 2, "invalid destination pubkey"}
	errBalance      = &refusal{http.StatusBadRequest, true, 2, "not enough balance. Make sure you have at least 1% reserved for potential fees"}
	errPaid         = &refusal{http.StatusInternalServerError, true, 10, "invoice is already paid"}
	errNoRecipient  = &refusal{http.StatusInternalServerError, true, 10, "no such recipient"}
	errInternal     = &refusal{http.StatusInternalServerError, true, 6, "Something went wrong. Please try again later"}
)
