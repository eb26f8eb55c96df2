package account

import (
	"errors"
	"net/http"
	"slices"

	"gatehouse/authz/browser"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/outbox"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

const disconnectPath = "/account/disconnect"

// showDisconnect asks whether an application, or every one, is to lose its access.
func (h *Handler) showDisconnect(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	v, connections, ok := h.openApplications(ctx, w, r)
	if !ok {
		return
	}
	view := page.Disconnect{
		Service: h.Pages.Service,
		Client:  r.URL.Query().Get(clientField),
		Form:    page.Form{Action: h.Pages.Link(disconnectPath), Token: v.FormToken()},
		Back:    h.Pages.Link(browser.AccountPath),
	}
	at := slices.IndexFunc(connections, func(c registry.Connection) bool { return c.ClientID == view.Client })
	switch {
	case len(connections) == 0, view.Client != "" && at < 0: // it has gone already
		h.Pages.SeeOther(w, browser.AccountPath)
		return
	case view.Client != "":
		connections = connections[at : at+1]
		view.Application = client.ShownName(connections[0].Name, view.Client)
	}
	for _, c := range connections {
		view.Ends = append(view.Ends, h.applicationView(c))
	}
	h.Pages.Show(w, r, http.StatusOK, view)
}

// disconnectOnPage takes back what the user gave an application, or every one.
func (h *Handler) disconnectOnPage(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	form, err := h.Pages.ReadForm(w, r)
	if err != nil {
		h.Pages.Fail(w, r, err)
		return
	}
	v, ok := h.openAccount(ctx, w, r)
	if !ok {
		return
	}
	clientID := form.Get(clientField)
	if !v.SentSignedIn(form) || !text.IsStorable(clientID) { // somebody else has signed in since
		h.Pages.SeeOther(w, browser.AccountPath)
		return
	}
	said := browser.Notice{What: noticeEndedAll}
	if clientID != "" {
		said.What, said.About = noticeEnded, clientID
		if c, err := h.Registry.Client(ctx, clientID); err == nil {
			said.About = client.ShownName(c.Name, clientID)
		}
	}
	_, _, err = h.Disconnect(ctx, v.Session.Subject, clientID)
	switch {
	case errors.Is(err, outbox.ErrUndelivered):
		h.Failures.Record(r, endpoint.AsOAuthError(err))
		said.What = noticePending
	case err != nil:
		h.Pages.Fail(w, r, err)
		return
	}
	h.Pages.LeaveNotice(w, said)
	h.Pages.SeeOther(w, browser.AccountPath)
}

// handleDisconnect takes back everything that the signed-in user gave an application. 204 means that every gateway knows,
// but for those that it says it could not hear from.
func (h *Handler) handleDisconnect(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	subject, err := h.Authenticate(ctx, r, nil)
	if err != nil {
		h.Failures.AnswerRevocation(w, r, err)
		return
	}
	clientID := clientIDOf(r)
	if !text.IsStorable(clientID) {
		h.Failures.Answer(w, r, endpoint.ErrNotFound)
		return
	}
	ended, unconfirmed, err := h.Disconnect(ctx, subject, clientID)
	if err != nil {
		h.Failures.AnswerRevocation(w, r, err)
		return
	}
	if ended == 0 {
		h.Failures.Answer(w, r, endpoint.ErrNotFound.WithHint("The user is not connected with this client."))
		return
	}
	endpoint.SayUnconfirmed(w, unconfirmed)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
