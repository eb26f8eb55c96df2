package admin

import (
	"errors"
	"net/http"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/registry"
)

// revocationBody is what is to be revoked, exactly one of it: by name, or an access token itself.
type revocationBody struct {
	Token       string `json:"token,omitempty"` // jti
	Grant       string `json:"grant,omitempty"`
	Client      string `json:"client,omitempty"`
	User        string `json:"user,omitempty"`
	AccessToken string `json:"access_token,omitempty"`
	SessionsOf  string `json:"sessions_of,omitempty"`
}

// revocationAnswer is what was revoked, and how many gateways may not know yet. Of a user it says how many grants there were
// to end, and in how many browsers the user was signed in, if there were any.
type revocationAnswer struct {
	Token  string `json:"token,omitempty"`
	Grant  string `json:"grant,omitempty"`
	Client string `json:"client,omitempty"`
	User   string `json:"user,omitempty"`
	Grants *int   `json:"grants,omitempty"`

	SessionsOf string `json:"sessions_of,omitempty"`
	Sessions   *int   `json:"sessions,omitempty"`

	Unconfirmed int `json:"unconfirmed_gateways"`
}

// revoke takes back a token, a grant, everything of a client, everything of a user, or only a user's sessions. 200 means that every gateway refuses
// it, but for those that it says it could not hear from; with 503 it is recorded and the caller may try again.
func (a *API) revoke(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	var body revocationBody
	if err := endpoint.ReadJSON(w, r, &body); err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	target, err := a.targetOf(body)
	if err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	done, err := a.operator(r).Revoke(ctx, target)
	if errors.Is(err, registry.ErrNotFound) {
		err = endpoint.ErrNotFound.WithHint("There is no such grant or client.")
	}
	if err != nil {
		a.Failures.AnswerRevocation(w, r, err)
		return
	}
	answer := revocationAnswer{
		Token: target.TokenID, Grant: target.GrantID, Client: target.ClientID, User: target.Subject,
		SessionsOf: target.SessionsOf, Unconfirmed: done.Unconfirmed,
	}
	if target.SessionsOf != "" || done.Sessions > 0 {
		answer.Sessions = &done.Sessions
	}
	if target.Subject != "" {
		answer.Grants = &done.Count
	}
	endpoint.SayUnconfirmed(w, done.Unconfirmed)
	endpoint.WriteJSON(w, http.StatusOK, answer)
}

// targetOf believes an access token only when it is one of ours that some gateway may still let pass.
func (a *API) targetOf(body revocationBody) (Target, error) {
	target := Target{TokenID: body.Token, GrantID: body.Grant, ClientID: body.Client, Subject: body.User, SessionsOf: body.SessionsOf}
	if body.AccessToken == "" {
		return target, nil
	}
	if target != (Target{}) {
		return Target{}, errOneTarget
	}
	claims, err := a.Verifier.Verify([]byte(body.AccessToken))
	if err != nil {
		return Target{}, &client.InvalidError{Problems: []error{errors.New("access_token: it is not one of ours, or has expired")}}
	}
	return Target{TokenID: claims.ID, TokenExpires: claims.ExpiresAt}, nil
}
