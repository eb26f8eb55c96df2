package lndhub

import "net/http"

// Refusal is an error in the form in which lndhub.go tells it.
type Refusal struct {
	Failed  bool   `json:"error"`
	Code    int    `json:"code"`
	Message string `json:"message"`

	status int
	body   any // what is sent instead, unless it is nil
}

var (
	badAuth            = refusal(http.StatusUnauthorized, 1, "bad auth")
	suspended          = refusal(http.StatusUnauthorized, 1, "Account has been suspended. Please contact support for further assistance.")
	tooMany            = refusal(http.StatusTooManyRequests, 1, "Too many requests")
	incorrectNetwork   = refusal(http.StatusBadRequest, 2, "incorrect network")
	invalidDestination = refusal(http.StatusBadRequest, 2, "invalid destination pubkey")
	invoiceExpired     = refusal(http.StatusBadRequest, 2, "invoice expired")
	notEnough          = refusal(http.StatusBadRequest, 2, "not enough balance. Make sure you have at least 1% reserved for potential fees")
	somethingWrong     = refusal(http.StatusInternalServerError, 6, "Something went wrong. Please try again later")
	badArguments       = refusal(http.StatusBadRequest, 8, "Bad arguments")
	noRecipient        = refusal(http.StatusBadRequest, 8, "Internal keysend payments require the custom record 696969 to be present.")

	// What the framework refuses is a text.
	unauthorized = &Refusal{status: http.StatusUnauthorized, body: "Unauthorized"}
	noAdminToken = &Refusal{status: http.StatusBadRequest, body: "missing key in request header"}
)

func refusal(status, code int, message string) *Refusal {
	return &Refusal{Failed: true, Code: code, Message: message, status: status}
}

// paymentFailed is what v2 says of a bolt11 payment that its node did not make.
func paymentFailed(err error) *Refusal {
	return refusal(http.StatusInternalServerError, 10, err.Error())
}

// legacyPaymentFailed is what the older API says of any payment.
func legacyPaymentFailed(err error) *Refusal {
	return refusal(http.StatusBadRequest, 10, "Payment failed. Does the receiver have enough inbound capacity? ("+err.Error()+")")
}
