package gateway

import (
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/internal/credential"
)

// PaymentTimeout is how long lndhub.go may take to answer a payment. It pays for as long as its node tries, whether or not
// anybody waits: who gives up before does not know whether it was paid.
const PaymentTimeout = 5 * time.Minute

// paymentPaths are segments of lndhub.go's paths that a POST pays at: /payinvoice, /keysend, and what is below /v2/payments.
var paymentPaths = []string{"payinvoice", "keysend", "payments"}

// IsPayment reports whether the route leads to a payment of lndhub.go, as far as its method and its path there tell.
func (r *Route) IsPayment() bool {
	isPost := slices.ContainsFunc(r.Methods, func(name string) bool { return strings.EqualFold(name, "POST") })
	if r.Credential != credential.LNDHub || !isPost {
		return false
	}
	return r.isAboutPayments()
}
