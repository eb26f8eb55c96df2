package authz

import (
	"context"
	"net/url"
	"strings"

	"gatehouse/authz/browser"
	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

// consentBudgets are the budgets that a request's page asks about: one for each unit that its scopes spend.
func (s *Server) consentBudgets(ctx context.Context, v browser.Visitor, k keptRequest) (budgets []page.Budget, err error) {
	for _, unit := range s.unitsOf(k.request.GetRequestedScopes()) {
		key := registry.BudgetKey{Subject: v.Session.Subject, ClientID: k.client.ID, Unit: unit}
		now, _, err := s.budgets.Of(ctx, key)
		if err != nil {
			return nil, err
		}
		asked, asks := k.budgets[unit]
		first, said := s.firstLimit(now, asked, asks)
		view := s.budgetFields(now, first)
		view.Heading = page.Say("budget.heading", "application", client.ShownName(k.client.Name, k.client.ID))
		view.Said = said
		if used := now.Spent + now.Held; used > 0 {
			view.Said = append(view.Said, page.Say("budget.spent_already", "amount", amountOf(used, unit)))
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
		return allowed, []page.Message{page.Say("budget.asks_same", "limit", sayLimit(asked, now.Unit))}
	case budget.IsDecided(now) && asks && !asked.AllowsNoMoreThan(allowed):
		return s.possible(allowed), []page.Message{
			page.Say("budget.asks_more", "asked", sayLimit(asked, now.Unit), "allowed", sayLimit(allowed, now.Unit)),
		}
	case budget.IsDecided(now) && asks:
		return asked, []page.Message{
			page.Say("budget.asks_less", "asked", sayLimit(asked, now.Unit), "allowed", sayLimit(allowed, now.Unit)),
		}
	case budget.IsDecided(now):
		return s.possible(allowed), []page.Message{page.Say("budget.allowed", "limit", sayLimit(allowed, now.Unit))}
	case asks:
		said = []page.Message{page.Say("budget.asks", "limit", sayLimit(asked, now.Unit))}
		if asked.IsUnlimited() {
			asked.Most, asked.Period = suggested.Most, suggested.Period
		}
		return asked, said
	case !s.budgets.Default.IsUnlimited():
		return s.budgets.Default, nil
	}
	return suggested, nil
}

// possible is a limit that was decided before, or what is suggested where it is forbidden now.
func (s *Server) possible(allowed budget.Limit) budget.Limit {
	if s.budgets.Check(allowed) != nil {
		return suggested
	}
	return allowed
}

// chosenBudgets are those that the form says for the scopes that the user allows. ok is false where one cannot be taken.
func (s *Server) chosenBudgets(form url.Values, scopes []string, in *page.Language) (chosen map[string]budgetForm, ok bool) {
	chosen, ok = map[string]budgetForm{}, true
	for _, unit := range s.unitsOf(scopes) {
		chosen[unit] = s.readBudgetForm(form, unit, in)
		ok = ok && chosen[unit].wrongField == ""
	}
	return chosen, ok
}

// keepChoice is what the page has to show again of a form that could not be taken: above all what was unticked.
func (s *Server) keepChoice(k keptRequest, form url.Values) browser.Notice {
	kept := url.Values{"ticked": {k.ticked(form)}}
	for _, unit := range s.unitsOf(k.request.GetRequestedScopes()) {
		for name, value := range keptFields(form, unit) {
			kept[name] = value
		}
	}
	return browser.Notice{What: noticeBadBudget, About: kept.Encode()}
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
		read := s.readBudgetForm(sent, b.Unit, in)
		takeBack(b, sent, read)
		if view.Failure.IsNothing() {
			view.Failure = read.wrong
		}
	}
}
