package authz

import (
	"context"
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

// What a page with budgets says of the step before it.
const (
	noticeBadBudget     = "bad budget"
	noticeBudgetChanged = "budget changed"
	noticeBudgetSet     = "budget set"
)

// offered are the amounts that a form offers, beside what it begins with. suggested is what it begins with where nobody has said
// anything else: whoever clicks without reading is to lose little.
var (
	offered   = []int64{1_000, 10_000, 100_000}
	suggested = budget.Limit{Most: 10_000, Period: budget.Month, MostAtOnce: budget.NoLimit}
)

// budgetForm is what a form says about a budget.
type budgetForm struct {
	limit budget.Limit
	seen  int64 // the revision of the budget that it replaces
	// wrong says what cannot be taken, of the field that wrongField names.
	wrong      page.Message
	wrongField string
}

// readBudgetForm reads the fields of a unit, in the language in which the page was shown.
func (s *Server) readBudgetForm(form url.Values, unit string, in *page.Language) budgetForm {
	read := budgetForm{limit: budget.Unlimited}
	fail := func(field string, why page.Message) budgetForm {
		read.wrong, read.wrongField = why, field
		return read
	}
	example := page.Say("budget.not_an_amount", "amount", int64(5000))
	var err error
	if read.seen, err = strconv.ParseInt(form.Get(seenField+unit), 10, 64); err != nil {
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
		read.limit.Most, err = budget.ParseAmount(own, in.Thousands())
	default:
		read.limit.Most, err = budget.ParseAmount(chosen, "")
	}
	if err != nil {
		return fail(ownField, example)
	}
	if payment := strings.TrimSpace(form.Get(paymentField + unit)); payment != "" {
		read.limit.MostAtOnce, err = budget.ParseAmount(payment, in.Thousands())
		if err != nil || read.limit.MostAtOnce == 0 {
			return fail(paymentField, example)
		}
	}
	if !read.limit.IsUnlimited() {
		read.limit.Period = budget.Period(form.Get(periodField + unit))
	}
	switch err := s.budgets.Check(read.limit); {
	case errors.Is(err, budget.ErrUnlimited):
		return fail(limitField, page.Say("budget.limit_required"))
	case err != nil:
		return fail(limitField, page.Say("budget.nothing_chosen"))
	}
	return read
}

// budgetFields are the fields of a unit's budget, beginning with a limit.
func (s *Server) budgetFields(now registry.Budget, first budget.Limit) page.Budget {
	view := page.Budget{Unit: now.Unit, Seen: now.Revision, MayBeUnlimited: !s.budgets.RefuseUnlimited}
	if first.IsUnlimited() {
		view.IsUnlimited = true
		first.Period = suggested.Period // for who chooses an amount instead
	}
	amounts := slices.Clone(offered)
	if !first.IsUnlimited() {
		amounts = append(amounts, first.Most)
	}
	slices.Sort(amounts)
	for _, amount := range slices.Compact(amounts) {
		view.Offers = append(view.Offers, page.Offer{Amount: amount, Shown: amountOf(amount, now.Unit), IsChosen: amount == first.Most})
	}
	for _, p := range budget.Periods() {
		view.Periods = append(view.Periods, page.Choice{Name: string(p), Shown: page.Say(periodNames[p]), IsChosen: p == first.Period})
	}
	if first.MostAtOnce != budget.NoLimit {
		view.Payment = page.Number(first.MostAtOnce)
	}
	return view
}

// takeBack puts into the fields what was sent before, and what is wrong with it.
func takeBack(view *page.Budget, sent url.Values, read budgetForm) {
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
	view.Failure, view.IsOwnWrong, view.IsPaymentWrong = read.wrong, read.wrongField == ownField, read.wrongField == paymentField
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

// keptFields are those fields of a unit's budget that a page shows again.
func keptFields(form url.Values, unit string) url.Values {
	kept := url.Values{}
	for _, field := range []string{limitField, ownField, periodField, paymentField, seenField} {
		kept.Set(field+unit, cut(form.Get(field+unit)))
	}
	return kept
}

// The words for limits. Each language has its own order of them.
var (
	periodNames = map[budget.Period]string{
		budget.Day: "budget.every_day", budget.Week: "budget.every_week", budget.Month: "budget.every_month",
		budget.Year: "budget.every_year", budget.None: "budget.once",
	}
	limitNames = map[budget.Period]string{
		budget.Day: "budget.a_day", budget.Week: "budget.a_week", budget.Month: "budget.a_month",
		budget.Year: "budget.a_year", budget.None: "budget.in_all",
	}
)

func amountOf(amount int64, unit string) page.Message {
	return page.Say("budget.amount", "amount", amount, "unit", unit)
}

// sayLimit is a limit in words.
func sayLimit(limit budget.Limit, unit string) page.Message {
	said := page.Say("budget.without_limit")
	if !limit.IsUnlimited() {
		said = page.Say(limitNames[limit.Period], "amount", amountOf(limit.Most, unit))
	}
	if limit.MostAtOnce != budget.NoLimit {
		said = page.Say("budget.and_each", "limit", said, "payment", amountOf(limit.MostAtOnce, unit))
	}
	return said
}

// decideShown is the decision of a user who has seen the budgets on a page.
func (s *Server) decideShown(subject, clientID string, chosen map[string]budgetForm) func(context.Context) ([]registry.Decision, error) {
	return func(ctx context.Context) (decided []registry.Decision, err error) {
		units := make([]string, 0, len(chosen))
		for unit := range chosen {
			units = append(units, unit)
		}
		slices.Sort(units)
		for _, unit := range units {
			key := registry.BudgetKey{Subject: subject, ClientID: clientID, Unit: unit}
			d, err := s.budgets.Decide(ctx, key, chosen[unit].limit, chosen[unit].seen)
			if err != nil {
				return nil, err
			}
			decided = append(decided, d)
		}
		return decided, nil
	}
}
