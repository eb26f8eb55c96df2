package authz

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"gatehouse/authz/browser"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/outbox"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

const (
	disconnectPath = "/account/disconnect"
	clientField    = "client"
)

// What the account's page says of the step before it, beside noticeBudgetSet.
const (
	noticeEnded    = "ended"
	noticeEndedAll = "ended all"
	noticePending  = "pending"
)

// showAccount leads to the first of a user's pages.
func (s *Server) showAccount(w http.ResponseWriter, _ *http.Request) {
	s.pages.SeeOther(w, browser.AccountPath)
}

// showApplications is a user's account: what has access to it.
func (s *Server) showApplications(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	v, connections, ok := s.openApplications(ctx, w, r)
	if !ok {
		return
	}
	view := page.Applications{
		Service: s.pages.Service,
		User:    v.ShownName(),
		Said:    ofAccount(s.pages.TakeNotice(w, r)),
		SignOut: page.Form{Action: s.pages.Link(browser.SignOutPath), Token: v.FormToken()},
	}
	budgets, err := s.budgetsOf(ctx, v.Session.Subject)
	if err != nil {
		s.pages.Fail(w, r, err)
		return
	}
	for _, c := range connections {
		shown := s.applicationView(c)
		for _, unit := range s.unitsOf(c.Scopes) {
			shown.Spending = append(shown.Spending, s.spendingView(budgets.of(c.ClientID, unit)))
		}
		view.Applications = append(view.Applications, shown)
	}
	if len(connections) > 1 {
		view.DisconnectAll = s.pages.Link(disconnectPath)
	}
	s.pages.Show(w, r, http.StatusOK, view)
}

func (s *Server) applicationView(c registry.Connection) page.Application {
	shown := page.Application{
		Name:       client.ShownName(c.Name, c.ClientID),
		Domain:     client.HostOf(c.RedirectURI),
		Since:      c.Since,
		LastUsed:   lastUsed(c.LastUsedOn, s.now()),
		Disconnect: s.pages.Link(disconnectPath + "?" + url.Values{clientField: {c.ClientID}}.Encode()),
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(c.Scopes))) {
		shown.Scopes = append(shown.Scopes, page.Scope{Name: name, Description: s.scopes.shown(name)})
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

// showDisconnect asks whether an application, or every one, is to lose its access.
func (s *Server) showDisconnect(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	v, connections, ok := s.openApplications(ctx, w, r)
	if !ok {
		return
	}
	view := page.Disconnect{
		Service: s.pages.Service,
		Client:  r.URL.Query().Get(clientField),
		Form:    page.Form{Action: s.pages.Link(disconnectPath), Token: v.FormToken()},
		Back:    s.pages.Link(browser.AccountPath),
	}
	at := slices.IndexFunc(connections, func(c registry.Connection) bool { return c.ClientID == view.Client })
	switch {
	case len(connections) == 0, view.Client != "" && at < 0: // it has gone already
		s.pages.SeeOther(w, browser.AccountPath)
		return
	case view.Client != "":
		connections = connections[at : at+1]
		view.Application = client.ShownName(connections[0].Name, view.Client)
	}
	for _, c := range connections {
		view.Ends = append(view.Ends, s.applicationView(c))
	}
	s.pages.Show(w, r, http.StatusOK, view)
}

// disconnectOnPage takes back what the user gave an application, or every one.
func (s *Server) disconnectOnPage(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	form, err := s.pages.ReadForm(w, r)
	if err != nil {
		s.pages.Fail(w, r, err)
		return
	}
	v, ok := s.openAccount(ctx, w, r)
	if !ok {
		return
	}
	clientID := form.Get(clientField)
	if !v.SentSignedIn(form) || !text.IsStorable(clientID) { // somebody else has signed in since
		s.pages.SeeOther(w, browser.AccountPath)
		return
	}
	said := browser.Notice{What: noticeEndedAll}
	if clientID != "" {
		said.What, said.About = noticeEnded, clientID
		if c, err := s.registry.Client(ctx, clientID); err == nil {
			said.About = client.ShownName(c.Name, clientID)
		}
	}
	_, _, err = s.disconnect(ctx, v.Session.Subject, clientID)
	switch {
	case errors.Is(err, outbox.ErrUndelivered):
		s.failures.Record(r, endpoint.AsOAuthError(err))
		said.What = noticePending
	case err != nil:
		s.pages.Fail(w, r, err)
		return
	}
	s.pages.LeaveNotice(w, said)
	s.pages.SeeOther(w, browser.AccountPath)
}

// openApplications finds out whose account it is, and what has access to it. When it returns false it has answered.
func (s *Server) openApplications(ctx context.Context, w http.ResponseWriter, r *http.Request) (browser.Visitor, []registry.Connection, bool) {
	v, ok := s.openAccount(ctx, w, r)
	if !ok {
		return v, nil, false
	}
	connections, err := s.registry.ConnectionsOf(ctx, v.Session.Subject)
	if err != nil {
		s.pages.Fail(w, r, err)
	}
	return v, connections, err == nil
}

// openAccount finds out whose account it is. When it returns false it has answered: whoever is not signed in is led there.
func (s *Server) openAccount(ctx context.Context, w http.ResponseWriter, r *http.Request) (browser.Visitor, bool) {
	v, err := s.pages.Visitor(ctx, r)
	switch {
	case err != nil:
		s.pages.Fail(w, r, err)
	case !v.SignedIn:
		s.pages.SeeOther(w, browser.SignInPath(""))
	}
	return v, err == nil && v.SignedIn
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
