package budgetform_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/authz/internal/budgetform"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

func sent(pairs ...string) url.Values {
	form := url.Values{"limit-sat": {"1000"}, "period-sat": {"week"}, "seen-sat": {"7"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestWhatWasSentIsALimitOrNothingIs(t *testing.T) {
	ledger := &budget.Ledger{}
	for name, want := range map[string]struct {
		form  url.Values
		limit budget.Limit
	}{
		"an offer":        {sent(), budget.Limit{Most: 1000, Period: budget.Week, MostAtOnce: budget.NoLimit}},
		"another amount":  {sent("limit-sat", "own", "own-sat", "2,345"), budget.Limit{Most: 2345, Period: budget.Week, MostAtOnce: budget.NoLimit}},
		"for each":        {sent("payment-sat", "10"), budget.Limit{Most: 1000, Period: budget.Week, MostAtOnce: 10}},
		"no limit at all": {sent("limit-sat", "none"), budget.Unlimited},
	} {
		read := budgetform.Read(ledger, want.form, "sat", page.English)
		require.False(t, read.IsWrong(), name)
		require.Equal(t, want.limit, read.Limit, name)
		require.EqualValues(t, 7, read.Seen)
	}
	for name, form := range map[string]url.Values{
		"nothing": {}, "which page it was": sent("seen-sat", ""), "no choice": sent("limit-sat", ""), "two amounts": sent("own-sat", "5"),
		"no amount": sent("limit-sat", "own"), "a fraction": sent("limit-sat", "own", "own-sat", "5.000"), "no period": sent("period-sat", "x"),
		"nothing for each": sent("payment-sat", "0"), "another unit's": {"limit-usd": {"1000"}, "period-usd": {"week"}, "seen-usd": {"7"}},
	} {
		read := budgetform.Read(ledger, form, "sat", page.English)
		require.True(t, read.IsWrong(), name)
		require.False(t, read.Wrong.IsNothing(), name)
	}
	require.False(t, budgetform.Read(ledger, sent("limit-sat", "own", "own-sat", "5.000"), "sat", page.Choose("de", "")).IsWrong())
	require.True(t, budgetform.Read(&budget.Ledger{RefuseUnlimited: true}, sent("limit-sat", "none"), "sat", page.English).IsWrong())
}

// What was typed comes back as it was, but for what no page could show.
func TestWhatCannotBeTakenIsShownAgain(t *testing.T) {
	ledger := &budget.Ledger{}
	form := sent("limit-sat", "own", "own-sat", "5.000", "payment-sat", strings.Repeat("9", 500), "period-sat", "day")
	kept := budgetform.Kept(form, "sat")
	require.Less(t, len(kept.Encode()), 200, "it travels in a cookie")
	view := budgetform.Fields(ledger, registry.Budget{BudgetKey: registry.BudgetKey{Unit: "sat"}}, budgetform.Suggested)
	budgetform.ShowAgain(&view, kept, budgetform.Read(ledger, kept, "sat", page.English))
	require.True(t, view.IsOwn && view.IsOwnWrong && !view.IsPaymentWrong)
	require.Equal(t, "5.000", page.English.Text(view.Own))
	for _, period := range view.Periods {
		require.Equal(t, period.Name == "day", period.IsChosen)
	}
	for _, offer := range view.Offers {
		require.False(t, offer.IsChosen)
	}
	require.Empty(t, budgetform.Kept(sent("own-sat", "5\x00"), "sat").Get("own-sat"))
}
