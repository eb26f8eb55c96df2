package account

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"gatehouse/authz/browser"
	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/budgetform"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

const budgetPath = "/account/budget"

// spendingView is a budget as it stands.
func (h *Handler) spendingView(b registry.Budget) page.Spending {
	of := url.Values{clientField: {b.ClientID}}
	view := page.Spending{
		Limit:    page.Say("budget.may_spend", "limit", budgetform.SayLimit(budget.LimitOf(b), b.Unit)),
		Payments: h.Pages.Link(paymentsPath + "?" + of.Encode()),
	}
	of.Set(unitField, b.Unit)
	view.Change = h.Pages.Link(budgetPath + "?" + of.Encode())
	spent, left := budgetform.SayAmount(b.Spent, b.Unit), budgetform.SayAmount(b.Left(), b.Unit)
	switch {
	case b.Most == budget.NoLimit:
		view.Used = page.Say("budget.used_only", "spent", budgetform.SayAmount(b.Spent+b.Held, b.Unit))
		return view
	case b.Held > 0:
		view.Used = page.Say("budget.used_held", "spent", spent, "held", budgetform.SayAmount(b.Held, b.Unit), "left", left)
	default:
		view.Used = page.Say("budget.used", "spent", spent, "left", left)
	}
	view.HasBar = true
	if most := b.Most; most > 0 {
		const whole = 1000
		view.Spent = min(b.Spent, most) * whole / most
		view.Held = min(b.Held*whole/most, whole-view.Spent)
	}
	if renews := budget.RenewsAt(b); !renews.IsZero() {
		view.Renews = page.Say("budget.renews_on", "day", h.Budgets.Local(renews))
	}
	return view
}

// showBudget asks how much an application may spend.
func (h *Handler) showBudget(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	v, c, ok := h.openConnection(ctx, w, r, query.Get(clientField))
	if !ok {
		return nil
	}
	unit := query.Get(unitField)
	if !slices.Contains(h.Units.Of(c.Scopes), unit) {
		h.Pages.SeeOther(w, browser.AccountPath)
		return nil
	}
	now, _, err := h.Budgets.Of(ctx, registry.BudgetKey{Subject: v.Session.Subject, ClientID: c.ClientID, Unit: unit})
	if err != nil {
		return err
	}
	view := page.ChangeBudget{
		Application: client.ShownName(c.Name, c.ClientID),
		Client:      c.ClientID,
		Spending:    h.spendingView(now),
		Budget:      budgetform.Fields(h.Budgets, now, budgetform.Possible(h.Budgets, budget.LimitOf(now))),
		Form:        page.Form{Action: h.Pages.Link(budgetPath), Token: v.FormToken()},
		Back:        h.Pages.Link(browser.AccountPath),
	}
	view.Budget.Heading, view.Budget.AsksPayment = page.Say("budget.new"), true
	status := http.StatusOK
	switch n := h.Pages.TakeNotice(w, r); n.What {
	case budgetform.Refused:
		if sent, err := url.ParseQuery(n.About); err == nil {
			budgetform.ShowAgain(&view.Budget, sent, budgetform.Read(h.Budgets, sent, unit, browser.LanguageOf(r)))
		}
		status = http.StatusBadRequest
	case budgetform.Outdated:
		view.Budget.Failure, status = page.Say("budget.changed"), http.StatusConflict
	}
	h.Pages.Show(w, r, status, view)
	return nil
}

// changeBudget holds an application to another limit from now on.
func (h *Handler) changeBudget(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	form, err := h.Pages.ReadForm(w, r)
	if err != nil {
		return err
	}
	v, c, ok := h.openConnection(ctx, w, r, form.Get(clientField))
	if !ok {
		return nil
	}
	unit := form.Get(unitField)
	if !v.SentSignedIn(form) || !slices.Contains(h.Units.Of(c.Scopes), unit) { // somebody else has signed in since
		h.Pages.SeeOther(w, browser.AccountPath)
		return nil
	}
	again := budgetPath + "?" + url.Values{clientField: {c.ClientID}, unitField: {unit}}.Encode()
	read := budgetform.Read(h.Budgets, form, unit, browser.LanguageOf(r))
	if read.IsWrong() {
		h.Pages.LeaveNotice(w, browser.Notice{What: budgetform.Refused, About: budgetform.Kept(form, unit).Encode()})
		h.Pages.SeeOther(w, again)
		return nil
	}
	key := registry.BudgetKey{Subject: v.Session.Subject, ClientID: c.ClientID, Unit: unit}
	now, _, err := h.Budgets.Of(ctx, key)
	if err == nil && now.Revision != read.Seen {
		if budget.LimitOf(now) == read.Limit { // a form that was sent twice
			h.Pages.SeeOther(w, browser.AccountPath)
			return nil
		}
		h.Pages.LeaveNotice(w, browser.Notice{What: budgetform.Outdated})
		h.Pages.SeeOther(w, again)
		return nil
	}
	if err == nil {
		_, err = h.Budgets.Set(ctx, key, read.Limit)
	}
	if err != nil {
		return err
	}
	h.Pages.LeaveNotice(w, browser.Notice{What: noticeBudgetSet, About: client.ShownName(c.Name, c.ClientID)})
	h.Pages.SeeOther(w, browser.AccountPath)
	return nil
}

// userBudgets are what a user lets applications spend, as it stands.
type userBudgets struct {
	ledger *budget.Ledger
	user   string
	known  map[registry.BudgetKey]registry.Budget
}

func (h *Handler) budgetsOf(ctx context.Context, user string) (userBudgets, error) {
	all := userBudgets{ledger: h.Budgets, user: user, known: map[registry.BudgetKey]registry.Budget{}}
	if len(h.Units) == 0 {
		return all, nil
	}
	known, err := h.Budgets.OfSubject(ctx, user)
	for _, b := range known {
		all.known[b.BudgetKey] = b
	}
	return all, err
}

// of is the budget of a client, which may be the usual one.
func (all userBudgets) of(clientID, unit string) registry.Budget {
	key := registry.BudgetKey{Subject: all.user, ClientID: clientID, Unit: unit}
	if b, ok := all.known[key]; ok {
		return b
	}
	return all.ledger.Usual(key)
}
