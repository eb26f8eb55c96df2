package lndhub

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"strings"
	"time"
)

const (
	// invoiceLifespan is how long an invoice can be paid.
	invoiceLifespan = 24 * time.Hour
	// maxAmount is all there is, in sat.
	maxAmount = 21_000_000 * 100_000_000
	// recipientRecord says which user of a node a keysend is for, keysendRecord holds its preimage.
	recipientRecord = 696969
	keysendRecord   = 5482373484
)

var errPaid = errors.New("invoice is already paid")

// ErrLost as the error of Config.Pay is a node that was cut off: the payment is recorded as one that failed, although the node
// has made it.
var ErrLost = errors.New("rpc error: code = Unavailable desc = error reading from server: EOF")

// bill is a payment request that can be paid, and whether it was, where the node that made it is another one.
type bill struct {
	invoice Invoice
	paid    bool
}

// newInvoice makes an invoice that nobody has paid yet, with a fresh payment hash. An amount of 0 leaves it to the payer.
func newInvoice(destination string, amount int64, memo string, now time.Time) *Invoice {
	return newInvoiceOf("", destination, amount, memo, now)
}

// newInvoiceOf is one whose description is only known by its hash, unless that is empty.
func newInvoiceOf(descriptionHash, destination string, amount int64, memo string, now time.Time) *Invoice {
	preimage := make([]byte, 32)
	rand.Read(preimage)
	hash := sha256.Sum256(preimage)
	i := &Invoice{
		Hash:            hex.EncodeToString(hash[:]),
		Preimage:        hex.EncodeToString(preimage),
		Memo:            memo,
		DescriptionHash: descriptionHash,
		Destination:     destination,
		Amount:          amount,
		State:           Open,
		Created:         now,
		Expires:         now.Add(invoiceLifespan),
	}
	i.Request = i.request()
	return i
}

// Elsewhere makes an invoice of another node, which any user can pay.
func (h *Hub) Elsewhere(destination string, amount int64, memo string) Invoice {
	i := newInvoice(destination, amount, memo, h.now())
	i.Type = Incoming
	h.mu.Lock()
	defer h.mu.Unlock()
	h.payable[i.Request] = &bill{invoice: *i}
	return *i
}

// decode reads a payment request.
func (h *Hub) decode(request string) (Invoice, *Refusal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b := h.payable[request]; b != nil {
		return b.invoice, nil
	}
	for _, network := range []string{"lnbc", "lntb", "lnsb"} {
		if strings.HasPrefix(request, network) && !strings.HasPrefix(request, "lnbcrt") {
			return Invoice{}, incorrectNetwork
		}
	}
	return Invoice{}, badArguments
}

// payElsewhere pays another node. It blocks as long as that takes.
func (h *Hub) payElsewhere(payment *Invoice) (preimage string, fee int64, err error) {
	preimage = payment.Preimage
	h.mu.Lock()
	if payment.Keysend {
		payment.Records = maps.Clone(payment.Records) // whoever lists payments may be reading it
		payment.Records[keysendRecord], _ = hex.DecodeString(preimage)
	}
	b := h.payable[payment.Request]
	if b != nil {
		preimage = b.invoice.Preimage
		if b.paid {
			h.mu.Unlock()
			return "", 0, errPaid
		}
		b.paid = true // by whoever comes first
	}
	asked := *payment
	h.mu.Unlock()
	fee, err = h.config.Pay(asked)
	if err != nil && b != nil && !errors.Is(err, ErrLost) {
		h.mu.Lock()
		b.paid = false
		h.mu.Unlock()
	}
	return preimage, fee, err
}

// nodeInfo is what lnd says of itself, as far as it is not empty.
type nodeInfo struct {
	Version             string             `json:"version"`
	CommitHash          string             `json:"commit_hash"`
	IdentityPubkey      string             `json:"identity_pubkey"`
	Alias               string             `json:"alias"`
	Color               string             `json:"color"`
	NumActiveChannels   int                `json:"num_active_channels"`
	NumPeers            int                `json:"num_peers"`
	BlockHeight         int                `json:"block_height"`
	BlockHash           string             `json:"block_hash"`
	BestHeaderTimestamp int64              `json:"best_header_timestamp"`
	SyncedToChain       bool               `json:"synced_to_chain"`
	SyncedToGraph       bool               `json:"synced_to_graph"`
	Chains              []chain            `json:"chains"`
	URIs                []string           `json:"uris"`
	Features            map[string]feature `json:"features"`
}

type chain struct {
	Chain   string `json:"chain"`
	Network string `json:"network"`
}

type feature struct {
	Name       string `json:"name,omitempty"`
	IsRequired bool   `json:"is_required,omitempty"`
	IsKnown    bool   `json:"is_known,omitempty"`
}

func (h *Hub) info(c *call) (any, *Refusal) {
	c.header.Set("Cache-Control", "public, max-age=300, stale-if-error=21600")
	return nodeInfo{
		Version: "0.16.4-beta", CommitHash: "6bd30047c1b1188029e8af6ee8a135cf86e7dc4b", IdentityPubkey: NodeKey,
		Alias: "demo node", Color: "#3399ff", NumActiveChannels: 2, NumPeers: 2, BlockHeight: 800_000,
		BlockHash:           "00000000000000000002a7c4c1e48d76c5a37902165a270156b7a8d72728a054",
		BestHeaderTimestamp: h.now().Unix(), SyncedToChain: true, SyncedToGraph: true,
		Chains: []chain{{"bitcoin", "regtest"}}, URIs: []string{NodeKey + "@127.0.0.1:9735"},
		Features: map[string]feature{"9": {Name: "tlv-onion", IsKnown: true}, "14": {Name: "payment-addr", IsRequired: true, IsKnown: true}},
	}, nil
}
