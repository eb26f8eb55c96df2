package account

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"gatehouse/authz/browser"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

// What the account's page says of the step before it.
const (
	noticeEnded    = "ended"
	noticeEndedAll = "ended all"
	noticePending  = "pending"

	noticeBudgetSet = "budget set"
)

// showApplications is a user's account: what has access to it.
func (h *Handler) showApplications(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	v, connections, ok := h.openApplications(ctx, w, r)
	if !ok {
		return
	}
	view := page.Applications{
		Service: h.Pages.Service,
		User:    v.ShownName(),
		Said:    ofAccount(h.Pages.TakeNotice(w, r)),
		SignOut: page.Form{Action: h.Pages.Link(browser.SignOutPath), Token: v.FormToken()},
	}
	budgets, err := h.budgetsOf(ctx, v.Session.Subject)
	if err != nil {
		h.Pages.Fail(w, r, err)
		return
	}
	for _, c := range connections {
		shown := h.applicationView(c)
		for _, unit := range h.Units.Of(c.Scopes) {
			shown.Spending = append(shown.Spending, h.spendingView(budgets.of(c.ClientID, unit)))
		}
		view.Applications = append(view.Applications, shown)
	}
	if len(connections) > 1 {
		view.DisconnectAll = h.Pages.Link(disconnectPath)
	}
	h.Pages.Show(w, r, http.StatusOK, view)
}

func (h *Handler) applicationView(c registry.Connection) page.Application {
	shown := page.Application{
		Name:       client.ShownName(c.Name, c.ClientID),
		Domain:     domainOf(c),
		Since:      c.Since,
		LastUsed:   lastUsed(c.LastUsedOn, h.Now()),
		Resources:  h.Resources(c.Resources),
		Disconnect: h.Pages.Link(disconnectPath + "?" + url.Values{clientField: {c.ClientID}}.Encode()),
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(c.Scopes))) {
		shown.Scopes = append(shown.Scopes, page.Scope{Name: name, Description: h.Scopes.Shown(name)})
	}
	return shown
}

// lastUsed says when something was used last, as people say it of days. Days are those of UTC: where the reader is, nobody knows.
func lastUsed(on, now time.Time) page.Message {
	when := page.Say("applications.on_day", "day", on)
	switch today := now.UTC().Truncate(24 * time.Hour); {
	case on.IsZero():
		when = page.Say("applications.not_yet")
	case !on.Before(today): // a gateway's clock may be a little ahead
		when = page.Say("applications.today")
	case !on.Before(today.AddDate(0, 0, -1)):
		when = page.Say("applications.yesterday")
	}
	return page.Say("applications.last_used", "when", when)
}

// ofAccount is what the account's page says of the step before.
func ofAccount(n browser.Notice) page.Message {
	switch n.What {
	case noticeEnded:
		return page.Say("applications.ended", "application", n.About)
	case noticeEndedAll:
		return page.Say("applications.ended_all")
	case noticePending:
		return page.Say("applications.pending")
	case noticeBudgetSet:
		return page.Say("budget.set", "application", n.About)
	}
	return page.Message{}
}
