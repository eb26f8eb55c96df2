package authz

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"gatehouse/authz/browser"
	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

const (
	budgetPath = "/account/budget"
	unitField  = "unit"
)

// spendingView is a budget as it stands.
func (s *Server) spendingView(b registry.Budget) page.Spending {
	of := url.Values{clientField: {b.ClientID}}
	view := page.Spending{
		Limit:    page.Say("budget.may_spend", "limit", sayLimit(budget.LimitOf(b), b.Unit)),
		Payments: s.pages.Link(paymentsPath + "?" + of.Encode()),
	}
	of.Set(unitField, b.Unit)
	view.Change = s.pages.Link(budgetPath + "?" + of.Encode())
	spent, left := amountOf(b.Spent, b.Unit), amountOf(b.Left(), b.Unit)
	switch {
	case b.Most == budget.NoLimit:
		view.Used = page.Say("budget.used_only", "spent", amountOf(b.Spent+b.Held, b.Unit))
		return view
	case b.Held > 0:
		view.Used = page.Say("budget.used_held", "spent", spent, "held", amountOf(b.Held, b.Unit), "left", left)
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
		view.Renews = page.Say("budget.renews_on", "day", s.budgets.Local(renews))
	}
	return view
}

// showBudget asks how much an application may spend.
func (s *Server) showBudget(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	v, c, ok := s.openConnection(ctx, w, r, query.Get(clientField))
	if !ok {
		return nil
	}
	unit := query.Get(unitField)
	if !slices.Contains(s.unitsOf(c.Scopes), unit) {
		s.pages.SeeOther(w, browser.AccountPath)
		return nil
	}
	now, _, err := s.budgets.Of(ctx, registry.BudgetKey{Subject: v.Session.Subject, ClientID: c.ClientID, Unit: unit})
	if err != nil {
		return err
	}
	view := page.ChangeBudget{
		Application: client.ShownName(c.Name, c.ClientID),
		Client:      c.ClientID,
		Spending:    s.spendingView(now),
		Budget:      s.budgetFields(now, s.possible(budget.LimitOf(now))),
		Form:        page.Form{Action: s.pages.Link(budgetPath), Token: v.FormToken()},
		Back:        s.pages.Link(browser.AccountPath),
	}
	view.Budget.Heading, view.Budget.AsksPayment = page.Say("budget.new"), true
	status := http.StatusOK
	switch n := s.pages.TakeNotice(w, r); n.What {
	case noticeBadBudget:
		if sent, err := url.ParseQuery(n.About); err == nil {
			takeBack(&view.Budget, sent, s.readBudgetForm(sent, unit, browser.LanguageOf(r)))
		}
		status = http.StatusBadRequest
	case noticeBudgetChanged:
		view.Budget.Failure, status = page.Say("budget.changed"), http.StatusConflict
	}
	s.pages.Show(w, r, status, view)
	return nil
}

// changeBudget holds an application to another limit from now on.
func (s *Server) changeBudget(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	form, err := s.pages.ReadForm(w, r)
	if err != nil {
		return err
	}
	v, c, ok := s.openConnection(ctx, w, r, form.Get(clientField))
	if !ok {
		return nil
	}
	unit := form.Get(unitField)
	if !v.SentSignedIn(form) || !slices.Contains(s.unitsOf(c.Scopes), unit) { // somebody else has signed in since
		s.pages.SeeOther(w, browser.AccountPath)
		return nil
	}
	again := budgetPath + "?" + url.Values{clientField: {c.ClientID}, unitField: {unit}}.Encode()
	read := s.readBudgetForm(form, unit, browser.LanguageOf(r))
	if read.wrongField != "" {
		s.pages.LeaveNotice(w, browser.Notice{What: noticeBadBudget, About: keptFields(form, unit).Encode()})
		s.pages.SeeOther(w, again)
		return nil
	}
	key := registry.BudgetKey{Subject: v.Session.Subject, ClientID: c.ClientID, Unit: unit}
	now, _, err := s.budgets.Of(ctx, key)
	if err == nil && now.Revision != read.seen {
		if budget.LimitOf(now) == read.limit { // a form that was sent twice
			s.pages.SeeOther(w, browser.AccountPath)
			return nil
		}
		s.pages.LeaveNotice(w, browser.Notice{What: noticeBudgetChanged})
		s.pages.SeeOther(w, again)
		return nil
	}
	if err == nil {
		_, err = s.budgets.Set(ctx, key, read.limit)
	}
	if err != nil {
		return err
	}
	s.pages.LeaveNotice(w, browser.Notice{What: noticeBudgetSet, About: client.ShownName(c.Name, c.ClientID)})
	s.pages.SeeOther(w, browser.AccountPath)
	return nil
}

// openConnection finds out whose account it is, and the application there. When it returns false it has answered.
func (s *Server) openConnection(
	ctx context.Context, w http.ResponseWriter, r *http.Request, clientID string,
) (browser.Visitor, registry.Connection, bool) {
	v, connections, ok := s.openApplications(ctx, w, r)
	if !ok {
		return v, registry.Connection{}, false
	}
	at := slices.IndexFunc(connections, func(c registry.Connection) bool { return c.ClientID == clientID })
	if at < 0 { // it has gone already
		s.pages.SeeOther(w, browser.AccountPath)
		return v, registry.Connection{}, false
	}
	return v, connections[at], true
}

// userBudgets are what a user lets applications spend, as it stands.
type userBudgets struct {
	ledger *budget.Ledger
	user   string
	known  map[registry.BudgetKey]registry.Budget
}

func (s *Server) budgetsOf(ctx context.Context, user string) (userBudgets, error) {
	all := userBudgets{ledger: s.budgets, user: user, known: map[registry.BudgetKey]registry.Budget{}}
	if len(s.spendUnits) == 0 {
		return all, nil
	}
	known, err := s.budgets.OfSubject(ctx, user)
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
