package budget

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

// TypeSpend is the type of authorization details that are about a budget (RFC 9396 section 2).
const TypeSpend = "spend"

// maxDetails is how long a request's details may be, in bytes: far more than a few budgets need.
const maxDetails = 4 << 10

// ErrBadDetails is the error of details that are not understood. Its text is for whoever wrote them.
var ErrBadDetails = errors.New("budget: bad details")

// Reason is the text of an ErrBadDetails without what it begins with.
func Reason(err error) string { return strings.TrimPrefix(err.Error(), ErrBadDetails.Error()+": ") }

// Detail is how much a client may spend of a unit, as authorization details say it.
type Detail struct {
	Unit  string
	Limit Limit
}

// MarshalJSON writes every member: null where there is no limit.
func (d Detail) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type       string `json:"type"`
		Unit       string `json:"unit"`
		Limit      *int64 `json:"limit"`
		Period     Period `json:"period"`
		MaxPayment *int64 `json:"max_payment"`
	}{TypeSpend, d.Unit, OrNull(d.Limit.Most), d.Limit.Period, OrNull(d.Limit.MostAtOnce)})
}

// OrNull is an amount for JSON, where NoLimit is null.
func OrNull(amount int64) *int64 {
	if amount == NoLimit {
		return nil
	}
	return &amount
}

// ParseDetails reads a request's authorization_details: at most one Detail for each unit. Whatever two readers could understand
// differently is ErrBadDetails, and so is what the client cannot be given: another type, a member that nobody knows.
func ParseDetails(sent string) ([]Detail, error) {
	if len(sent) > maxDetails {
		return nil, bad("they are longer than %d bytes", maxDetails)
	}
	d := newDecoder(sent)
	if first, err := d.Token(); err != nil || first != json.Delim('[') {
		return nil, bad("they are no JSON array")
	}
	var details []Detail
	for d.More() {
		members, err := readMembers(d)
		if err != nil {
			return nil, err
		}
		if members["type"] != TypeSpend {
			return nil, bad("the only type is %q", TypeSpend)
		}
		delete(members, "type")
		detail, err := detailOf(members)
		switch {
		case err != nil:
			return nil, err
		case detail.Unit == "":
			return nil, bad("there is no unit")
		case slices.ContainsFunc(details, func(other Detail) bool { return other.Unit == detail.Unit }):
			return nil, bad("a unit occurs twice")
		}
		details = append(details, detail)
	}
	if err := readEnd(d, ']'); err != nil {
		return nil, err
	}
	if len(details) == 0 {
		return nil, bad("they are empty")
	}
	return details, nil
}

// ParseDetail reads one JSON object with the members of a Detail but its type. The unit may be missing. ErrBadDetails.
func ParseDetail(sent []byte) (Detail, error) {
	d := newDecoder(string(sent))
	members, err := readMembers(d)
	if err != nil {
		return Detail{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return Detail{}, bad("there is something after the object")
	}
	return detailOf(members)
}

// detailOf takes the limit as it is meant by whoever leaves something out: it never renews, and each payment may be all of it. Only
// the limit itself must be said.
func detailOf(members map[string]any) (Detail, error) {
	limit, says := members["limit"]
	detail := Detail{Limit: Unlimited}
	var err error
	if detail.Limit.Most, err = amountOf(limit); err != nil || !says {
		return detail, bad("the limit has to be a whole number, at most %d, or null for none", registry.MaxAmount)
	}
	if detail.Limit.MostAtOnce, err = amountOf(members["max_payment"]); err != nil || detail.Limit.MostAtOnce == 0 {
		return detail, bad("the max_payment has to be a whole number above 0, at most %d, or null for none", registry.MaxAmount)
	}
	if period, says := members["period"]; says {
		name, _ := period.(string)
		if detail.Limit.Period = Period(name); !detail.Limit.Period.IsKnown() {
			return detail, bad("the periods are day, week, month, year and none")
		}
	}
	if detail.Limit.IsUnlimited() {
		detail.Limit.Period = None
	}
	if unit, says := members["unit"]; says {
		if detail.Unit, _ = unit.(string); detail.Unit == "" || !text.IsStorable(detail.Unit) {
			return detail, bad("the unit has to be a name")
		}
	}
	for name := range members {
		if !slices.Contains([]string{"unit", "limit", "period", "max_payment"}, name) {
			return detail, bad("there is no member %q", name)
		}
	}
	return detail, nil
}

// amountOf reads a number that is written in digits alone, or null.
func amountOf(member any) (int64, error) {
	switch member := member.(type) {
	case nil:
		return NoLimit, nil
	case json.Number:
		if n, err := strconv.ParseInt(member.String(), 10, 64); err == nil && text.IsDigits(member.String()) && n <= registry.MaxAmount {
			return n, nil
		}
	}
	return 0, ErrBadLimit
}

func newDecoder(sent string) *json.Decoder {
	d := json.NewDecoder(strings.NewReader(sent))
	d.UseNumber()
	return d
}

// readMembers reads one object of plain values. encoding/json by itself would take the last of two members of one name, and a name in
// other letters.
func readMembers(d *json.Decoder) (map[string]any, error) {
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, bad("there is no JSON object where one should be")
	}
	members := map[string]any{}
	for d.More() {
		token, err := d.Token()
		name, _ := token.(string)
		if err != nil {
			return nil, bad("they are no well-formed JSON")
		}
		value, err := d.Token()
		if _, isNested := value.(json.Delim); err != nil || isNested {
			return nil, bad("a member is no plain value")
		}
		if _, twice := members[name]; twice {
			return nil, bad("member %q occurs twice", name)
		}
		members[name] = value
	}
	if end, err := d.Token(); err != nil || end != json.Delim('}') {
		return nil, bad("they are no well-formed JSON")
	}
	return members, nil
}

// readEnd requires that a value ends here, and nothing follows.
func readEnd(d *json.Decoder, end json.Delim) error {
	if last, err := d.Token(); err != nil || last != end {
		return bad("they are no well-formed JSON")
	}
	if _, err := d.Token(); err != io.EOF {
		return bad("there is something behind them")
	}
	return nil
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrBadDetails}, args...)...)
}
