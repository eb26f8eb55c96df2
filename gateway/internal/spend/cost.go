package spend

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"gatehouse/keys/strictjson"
)

// What is wrong with what a request costs.
const (
	NotTyped    Unreadable = "The body has to have the type application/json, in UTF-8 and without a Content-Encoding."
	TooMuch     Unreadable = "The cost is more than can be counted."
	NoKey       Unreadable = "The request lacks the key that names what may be paid once."
	BadKey      Unreadable = "The key that names what may be paid once has to have 1 to 200 visible ASCII characters, and cannot be . or .."
	WithoutCost Unreadable = "The request costs nothing."
)

// Request is what a cost is read from.
type Request struct {
	Body []byte
	// ContentType is of the one field of that name, and empty unless there is just one. IsEncoded says that there is a
	// Content-Encoding.
	ContentType string
	IsEncoded   bool
	// Header returns the value of the field of that lower-case name, and how many there are.
	Header func(name string) (value string, times int)
	Now    time.Time
}

// Cost is what a request is going to spend, at most.
type Cost struct {
	Amount int64
	// Key names what may be paid once. Empty: it is not known. IsGlobal says that it does so for all routes.
	Key      string
	IsGlobal bool
	// Until is when the upstream refuses the request in any case; zero: never.
	Until time.Time
}

// Config is how a cost is read. Words are lndhub_bolt11, lndhub_keysend, fixed:<amount>, json:<pointer>, header:<name>.
type Config struct {
	Cost, Fee, Key string
	// Network, MaxFee (0: none) and ServiceFee (per 1000) are for lndhub.go.
	Network            string
	MaxFee, ServiceFee int64
	// NeedsKey refuses requests without one.
	NeedsKey bool
}

// The readers that know lndhub.go.
const (
	Bolt11  = "lndhub_bolt11"
	Keysend = "lndhub_keysend"
)

// DefaultKey is where the key is, unless somebody says otherwise.
const DefaultKey = "header:Idempotency-Key"

// Reader reads what requests cost. It is immutable.
type Reader struct {
	amount, fee source
	invoice     Pointer // of a BOLT 11 invoice, which then has the key
	key         source
	hub         *hubFees
	network     string
	needsKey    bool
}

// source is where a number or a text is.
type source struct {
	fixed  int64
	at     Pointer // nil: none
	header string  // in lower case
}

// NewReader compiles a Config. The error says which word is wrong.
func NewReader(c Config) (*Reader, error) {
	r := &Reader{network: c.Network, needsKey: c.NeedsKey}
	isHub := c.Cost == Bolt11 || c.Cost == Keysend
	switch {
	case isHub && c.Fee != "":
		return nil, fmt.Errorf("fee: %s computes that of lndhub.go, from max_fee and service_fee", c.Cost)
	case !isHub && (c.Network != "" || c.MaxFee != 0 || c.ServiceFee != 0):
		return nil, fmt.Errorf("network, max_fee and service_fee are for %s and %s", Bolt11, Keysend)
	case c.MaxFee < 0 || c.ServiceFee < 0 || c.MaxFee > MaxAmount || c.ServiceFee > 1000:
		return nil, fmt.Errorf("max_fee is 0 for none, or an amount; service_fee is 0 to 1000")
	case c.Cost == Bolt11 && c.Key != "":
		return nil, fmt.Errorf("key: that of %s is the payment hash", Bolt11)
	}
	var err error
	switch c.Cost {
	case "":
		return nil, fmt.Errorf("cost is missing: %s, %s, fixed:<amount> or json:<pointer>", Bolt11, Keysend)
	case Bolt11:
		r.invoice, r.hub = Pointer{"invoice"}, &hubFees{c.MaxFee, c.ServiceFee}
		if r.network == "" {
			r.network = "bc"
		}
		if !isNetwork(r.network) {
			return nil, fmt.Errorf("network is %q, want bc, tb, tbs or bcrt", c.Network)
		}
		return r, nil
	case Keysend:
		if c.Network != "" {
			return nil, fmt.Errorf("network is for %s", Bolt11)
		}
		r.amount.at, r.hub = Pointer{"amount"}, &hubFees{c.MaxFee, c.ServiceFee}
	default:
		if r.amount, err = parseSource("cost", c.Cost, true); err != nil {
			return nil, err
		}
	}
	if c.Fee != "" {
		if r.fee, err = parseSource("fee", c.Fee, true); err != nil {
			return nil, err
		}
	}
	if c.Key == "" {
		c.Key = DefaultKey
	}
	if r.key, err = parseSource("key", c.Key, false); err != nil {
		return nil, err
	}
	return r, nil
}

func isNetwork(name string) bool {
	return name == "bc" || name == "tb" || name == "tbs" || name == "bcrt"
}

// parseSource reads one of an amount (fixed or json), or of a key (json or header).
func parseSource(what, text string, ofAmount bool) (source, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch {
	case kind == "json":
		at, err := ParsePointer(rest)
		if err != nil {
			return source{}, fmt.Errorf("%s: %w", what, err)
		}
		return source{at: at}, nil
	case kind == "fixed" && ofAmount:
		amount, err := strconv.ParseInt(rest, 10, 64)
		if err != nil || amount < 0 || amount > MaxAmount || strconv.FormatInt(amount, 10) != rest {
			return source{}, fmt.Errorf("%s is %q: no amount from 0 to %d", what, text, int64(MaxAmount))
		}
		return source{fixed: amount}, nil
	case kind == "header" && !ofAmount && isFieldName(rest):
		return source{header: strings.ToLower(rest)}, nil
	case ofAmount && what == "cost":
		return source{}, fmt.Errorf("cost is %q, want %s, %s, fixed:<amount> or json:<pointer>", text, Bolt11, Keysend)
	case ofAmount:
		return source{}, fmt.Errorf("%s is %q, want fixed:<amount> or json:<pointer>", what, text)
	}
	return source{}, fmt.Errorf("%s is %q, want json:<pointer> or header:<name>", what, text)
}

func isFieldName(name string) bool {
	return name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// ReadsBody reports whether anything is read from a request's body.
func (r *Reader) ReadsBody() bool {
	return r.invoice != nil || r.amount.at != nil || r.fee.at != nil || r.key.at != nil
}

// Read returns what a request costs at most. Every error is an Unreadable.
func (r *Reader) Read(of *Request) (Cost, error) {
	var body Document
	if r.ReadsBody() {
		if of.IsEncoded || !strictjson.IsJSON(of.ContentType) {
			return Cost{}, NotTyped
		}
		var err error
		if body, err = Parse(of.Body); err != nil {
			return Cost{}, err
		}
	}
	c, err := r.read(of, body)
	switch {
	case err != nil:
		return Cost{}, err
	case c.Amount > MaxAmount:
		return Cost{}, TooMuch
	}
	return c, nil
}

func (r *Reader) read(of *Request, body Document) (c Cost, err error) {
	if r.invoice != nil {
		text, err := body.Text(r.invoice)
		if err != nil {
			return c, err
		}
		i, err := ReadInvoice(text, r.network)
		switch {
		case err != nil:
			return c, err
		case i.Expires.Before(of.Now):
			return c, Expired
		}
		return Cost{i.Sat + r.hub.on(i.Sat), i.Hash, true, i.Expires}, nil
	}
	amount, err := r.amount.amount(body)
	if err != nil {
		return c, err
	}
	fee, err := r.fee.amount(body)
	if err != nil {
		return c, err
	}
	if r.hub != nil {
		if amount == 0 {
			return c, WithoutCost
		}
		fee = r.hub.on(amount)
	}
	c.Amount, c.IsGlobal = amount+fee, r.key.at != nil
	c.Key, err = r.readKey(of, body)
	return c, err
}

func (s *source) amount(in Document) (int64, error) {
	if s.at == nil {
		return s.fixed, nil
	}
	return in.Amount(s.at)
}

// longestKey fits into a column, a path and a line of a log.
const longestKey = 200

func (r *Reader) readKey(of *Request, body Document) (key string, err error) {
	if r.key.at != nil {
		if key, err = body.Text(r.key.at); err != nil {
			return "", err
		}
	} else {
		value, times := of.Header(r.key.header)
		switch {
		case times > 1:
			return "", BadKey
		case times == 0 && r.needsKey:
			return "", NoKey
		case times == 0:
			return "", nil
		}
		key = value
	}
	if key == "" || len(key) > longestKey || key == "." || key == ".." || strings.ContainsFunc(key, isNotVisible) {
		return "", BadKey
	}
	return key, nil
}

func isNotVisible(r rune) bool { return r <= ' ' || r > '~' }

// hubFees are what lndhub.go may take besides the amount.
type hubFees struct{ most, service int64 }

// on is computed as lib/service/user.go does, rounding included: what that holds back may cost.
func (h *hubFees) on(amount int64) int64 {
	limit := int64(10)
	if amount > 1000 {
		limit = int64(math.Ceil(float64(amount)*float64(0.01)) + 1)
	}
	if h.most > 0 {
		limit = min(limit, h.most)
	}
	if h.service == 0 {
		return limit
	}
	return limit + int64(math.Ceil(float64(amount)*float64(h.service)/1000.0))
}
