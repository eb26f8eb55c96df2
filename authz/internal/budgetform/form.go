package budgetform

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/authz/budget"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

// What a form calls the fields of a unit's budget.
const (
	limitField   = "limit-"   // an amount that the page offers, ownAmount, or noLimit
	ownField     = "own-"     // another amount
	periodField  = "period-"  // how often the limit begins anew
	paymentField = "payment-" // the most for each payment; empty: none
	seenField    = "seen-"    // the revision of the budget that the page showed

	ownAmount = "own"
	noLimit   = "none"
)

// The notices (browser.Notice) of a page with budgets: its form could not be taken, or the budget has changed since the page was shown.
const (
	Refused  = "bad budget"
	Outdated = "budget changed"
)

// offered are the amounts that a form offers, beside what it begins with. Suggested is what it begins with where nobody has said
// anything else: whoever clicks without reading is to lose little.
var (
	offered   = []int64{1_000, 10_000, 100_000}
	Suggested = budget.Limit{Most: 10_000, Period: budget.Month, MostAtOnce: budget.NoLimit}
)

// Sent is what a form says about a budget.
type Sent struct {
	Limit budget.Limit
	Seen  int64 // the revision of the budget that it replaces
	// Wrong says what cannot be taken, of the field that wrongField names.
	Wrong      page.Message
	wrongField string
}

// IsWrong reports whether something cannot be taken.
func (s Sent) IsWrong() bool { return s.wrongField != "" }

// Read reads the fields of a unit, in the language in which the page was shown.
func Read(ledger *budget.Ledger, form url.Values, unit string, in *page.Language) Sent {
	read := Sent{Limit: budget.Unlimited}
	fail := func(field string, why page.Message) Sent {
		read.Wrong, read.wrongField = why, field
		return read
	}
	example := page.Say("budget.not_an_amount", "amount", int64(5000))
	var err error
	if read.Seen, err = strconv.ParseInt(form.Get(seenField+unit), 10, 64); err != nil {
		return fail(limitField, page.Say("budget.nothing_chosen"))
	}
	own := strings.TrimSpace(form.Get(ownField + unit))
	switch chosen := form.Get(limitField + unit); {
	case chosen == "":
		return fail(limitField, page.Say("budget.nothing_chosen"))
	case chosen != ownAmount && own != "": // which of the two is meant, nobody can know
		return fail(ownField, page.Say("budget.two_amounts"))
	case chosen == noLimit:
	case chosen == ownAmount:
		read.Limit.Most, err = budget.ParseAmount(own, in.Thousands())
	default:
		read.Limit.Most, err = budget.ParseAmount(chosen, "")
	}
	if err != nil {
		return fail(ownField, example)
	}
	if payment := strings.TrimSpace(form.Get(paymentField + unit)); payment != "" {
		read.Limit.MostAtOnce, err = budget.ParseAmount(payment, in.Thousands())
		if err != nil || read.Limit.MostAtOnce == 0 {
			return fail(paymentField, example)
		}
	}
	if !read.Limit.IsUnlimited() {
		read.Limit.Period = budget.Period(form.Get(periodField + unit))
	}
	switch err := ledger.Check(read.Limit); {
	case errors.Is(err, budget.ErrUnlimited):
		return fail(limitField, page.Say("budget.limit_required"))
	case err != nil:
		return fail(limitField, page.Say("budget.nothing_chosen"))
	}
	return read
}

// Fields are the fields of a unit's budget, beginning with a limit.
func Fields(ledger *budget.Ledger, now registry.Budget, first budget.Limit) page.Budget {
	view := page.Budget{Unit: now.Unit, Seen: now.Revision, MayBeUnlimited: !ledger.RefuseUnlimited}
	if first.IsUnlimited() {
		view.IsUnlimited = true
		first.Period = Suggested.Period // for who chooses an amount instead
	}
	amounts := slices.Clone(offered)
	if !first.IsUnlimited() {
		amounts = append(amounts, first.Most)
	}
	slices.Sort(amounts)
	for _, amount := range slices.Compact(amounts) {
		view.Offers = append(view.Offers, page.Offer{Amount: amount, Shown: SayAmount(amount, now.Unit), IsChosen: amount == first.Most})
	}
	for _, p := range budget.Periods() {
		view.Periods = append(view.Periods, page.Choice{Name: string(p), Shown: page.Say(periodNames[p]), IsChosen: p == first.Period})
	}
	if first.MostAtOnce != budget.NoLimit {
		view.Payment = page.Number(first.MostAtOnce)
	}
	return view
}

// ShowAgain puts into the fields what was sent before, and what is wrong with it.
func ShowAgain(view *page.Budget, sent url.Values, read Sent) {
	chosen := sent.Get(limitField + view.Unit)
	if read.wrongField == ownField {
		chosen = ownAmount
	}
	view.IsOwn, view.IsUnlimited = chosen == ownAmount, chosen == noLimit
	for i, offer := range view.Offers {
		view.Offers[i].IsChosen = strconv.FormatInt(offer.Amount, 10) == chosen
	}
	for i, period := range view.Periods {
		view.Periods[i].IsChosen = period.Name == sent.Get(periodField+view.Unit)
	}
	view.Own = page.Verbatim(cut(sent.Get(ownField+view.Unit)), nil)
	view.Payment = page.Verbatim(cut(sent.Get(paymentField+view.Unit)), nil)
	view.Failure, view.IsOwnWrong, view.IsPaymentWrong = read.Wrong, read.wrongField == ownField, read.wrongField == paymentField
}

// maxTyped is how many bytes of a typed amount are shown again.
const maxTyped = 40

func cut(typed string) string {
	if len(typed) > maxTyped {
		typed = strings.ToValidUTF8(typed[:maxTyped], "")
	}
	if !text.IsStorable(typed) {
		return ""
	}
	return typed
}

// Kept are those fields of a unit's budget that a page shows again.
func Kept(form url.Values, unit string) url.Values {
	kept := url.Values{}
	for _, field := range []string{limitField, ownField, periodField, paymentField, seenField} {
		kept.Set(field+unit, cut(form.Get(field+unit)))
	}
	return kept
}

// Possible is a limit that was decided before, or what is suggested where it is forbidden now.
func Possible(ledger *budget.Ledger, allowed budget.Limit) budget.Limit {
	if ledger.Check(allowed) != nil {
		return Suggested
	}
	return allowed
}
