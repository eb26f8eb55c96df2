package authz

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"gatehouse/authz/browser"
	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/budgetform"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

// consentBudgets are the budgets that a request's page asks about: one for each unit that its scopes spend.
func (s *Server) consentBudgets(ctx context.Context, v browser.Visitor, k keptRequest) (budgets []page.Budget, err error) {
	for _, unit := range s.spendUnits.Of(k.request.GetRequestedScopes()) {
		key := registry.BudgetKey{Subject: v.Session.Subject, ClientID: k.client.ID, Unit: unit}
		now, _, err := s.budgets.Of(ctx, key)
		if err != nil {
			return nil, err
		}
		asked, asks := k.budgets[unit]
		first, said := s.firstLimit(now, asked, asks)
		view := budgetform.Fields(s.budgets, now, first)
		view.Heading = page.Say("budget.heading", "application", client.ShownName(k.client.Name, k.client.ID))
		view.Said = said
		if used := now.Spent + now.Held; used > 0 {
			view.Said = append(view.Said, page.Say("budget.spent_already", "amount", budgetform.SayAmount(used, unit)))
		}
		if asks && asked.MostAtOnce != budget.NoLimit || first.MostAtOnce != budget.NoLimit {
			view.AsksPayment = true
		}
		budgets = append(budgets, view)
	}
	return budgets, nil
}

// firstLimit is what the page begins with: what the client asks for, unless the user has decided before. Then it is what the user has
// decided, unless the client asks for less. Nobody comes by no limit without having said so.
func (s *Server) firstLimit(now registry.Budget, asked budget.Limit, asks bool) (first budget.Limit, said []page.Message) {
	allowed := budget.LimitOf(now)
	switch {
	case budget.IsDecided(now) && asks && allowed == asked:
		return allowed, []page.Message{page.Say("budget.asks_same", "limit", budgetform.SayLimit(asked, now.Unit))}
	case budget.IsDecided(now) && asks && !asked.AllowsNoMoreThan(allowed):
		return budgetform.Possible(s.budgets, allowed), []page.Message{
			page.Say("budget.asks_more", "asked", budgetform.SayLimit(asked, now.Unit), "allowed", budgetform.SayLimit(allowed, now.Unit)),
		}
	case budget.IsDecided(now) && asks:
		return asked, []page.Message{
			page.Say("budget.asks_less", "asked", budgetform.SayLimit(asked, now.Unit), "allowed", budgetform.SayLimit(allowed, now.Unit)),
		}
	case budget.IsDecided(now):
		return budgetform.Possible(s.budgets, allowed), []page.Message{page.Say("budget.allowed", "limit", budgetform.SayLimit(allowed, now.Unit))}
	case asks:
		said = []page.Message{page.Say("budget.asks", "limit", budgetform.SayLimit(asked, now.Unit))}
		if asked.IsUnlimited() {
			asked.Most, asked.Period = budgetform.Suggested.Most, budgetform.Suggested.Period
		}
		return asked, said
	case !s.budgets.Default.IsUnlimited():
		return s.budgets.Default, nil
	}
	return budgetform.Suggested, nil
}

// chosenBudgets are those that the form says for the scopes that the user allows. ok is false where one cannot be taken.
func (s *Server) chosenBudgets(form url.Values, scopes []string, in *page.Language) (chosen map[string]budgetform.Sent, ok bool) {
	chosen, ok = map[string]budgetform.Sent{}, true
	for _, unit := range s.spendUnits.Of(scopes) {
		chosen[unit] = budgetform.Read(s.budgets, form, unit, in)
		ok = ok && !chosen[unit].IsWrong()
	}
	return chosen, ok
}

// keepChoice is what the page has to show again of a form that could not be taken: above all what was unticked.
func (s *Server) keepChoice(k keptRequest, form url.Values) browser.Notice {
	kept := url.Values{"ticked": {k.ticked(form)}}
	for _, unit := range s.spendUnits.Of(k.request.GetRequestedScopes()) {
		for name, value := range budgetform.Kept(form, unit) {
			kept[name] = value
		}
	}
	return browser.Notice{What: budgetform.Refused, About: kept.Encode()}
}

// ticked says of each scope in turn whether its box is.
func (k *keptRequest) ticked(form url.Values) string {
	var ticked strings.Builder
	for _, name := range k.request.GetRequestedScopes() {
		mark := byte('0')
		if form.Has(scopeField(name)) {
			mark = '1'
		}
		ticked.WriteByte(mark)
	}
	return ticked.String()
}

// showChoiceAgain puts a form that could not be taken back into the page. Where it is not known what was unticked, everything is: nobody
// allows that way what they did not want.
func (s *Server) showChoiceAgain(view *page.Consent, k keptRequest, n browser.Notice, in *page.Language) {
	sent, err := url.ParseQuery(n.About)
	if err != nil {
		sent = url.Values{}
	}
	ticked, unticked := sent.Get("ticked"), map[string]bool{}
	for i, name := range k.request.GetRequestedScopes() {
		unticked[name] = i >= len(ticked) || ticked[i] != '1'
	}
	for _, group := range append([]page.ScopeGroup{{Scopes: view.Held}}, view.Asked...) {
		for i := range group.Scopes {
			group.Scopes[i].IsUnticked = unticked[group.Scopes[i].Name] && !group.Scopes[i].Needed
		}
	}
	for i := range view.Budgets {
		b := &view.Budgets[i]
		read := budgetform.Read(s.budgets, sent, b.Unit, in)
		budgetform.ShowAgain(b, sent, read)
		if view.Failure.IsNothing() {
			view.Failure = read.Wrong
		}
	}
}

// decideShown is the decision of a user who has seen the budgets on a page.
func (s *Server) decideShown(subject, clientID string, chosen map[string]budgetform.Sent) func(context.Context) ([]registry.Decision, error) {
	return func(ctx context.Context) (decided []registry.Decision, err error) {
		units := make([]string, 0, len(chosen))
		for unit := range chosen {
			units = append(units, unit)
		}
		slices.Sort(units)
		for _, unit := range units {
			key := registry.BudgetKey{Subject: subject, ClientID: clientID, Unit: unit}
			d, err := s.budgets.Decide(ctx, key, chosen[unit].Limit, chosen[unit].Seen)
			if err != nil {
				return nil, err
			}
			decided = append(decided, d)
		}
		return decided, nil
	}
}
