package signin

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/internal/text"
	"gatehouse/authz/keyring"
	"gatehouse/registry"
)

// What a client asks about signing in, of us, and what we ask of the host application for it.
const (
	promptField = "prompt"
	maxAgeField = "max_age"
)

// Prompt is what a client asks about the user being asked (OpenID Connect Core section 3.1.2.1). The user decides on each
// request anyway, so prompt=consent asks for nothing more, nor does select_account, since whoever decides can change the account.
// A value that is not known is ignored.
type Prompt struct {
	None  bool // show no page
	login bool // let the user sign in for this request
	// maxAge is how long ago the user may have signed in; negative: at any time.
	maxAge time.Duration
}

// ReadPrompt reads it from the parameters of an authorization request. The error is one that the client may see.
func ReadPrompt(form url.Values) (Prompt, error) {
	p := Prompt{maxAge: -1}
	values := strings.Fields(form.Get(promptField))
	p.None, p.login = slices.Contains(values, "none"), slices.Contains(values, "login")
	if p.None && len(values) > 1 {
		return p, fosite.ErrInvalidRequest.WithHint("The 'prompt' value 'none' must stand alone.")
	}
	if sent := form.Get(maxAgeField); sent != "" {
		if !text.IsDigits(sent) {
			return p, fosite.ErrInvalidRequest.WithHint("The 'max_age' must be a number of seconds.")
		}
		const most = 100 * 365 * 24 * 60 * 60
		seconds, err := strconv.ParseInt(sent, 10, 64)
		if err != nil || seconds > most {
			seconds = most
		}
		p.maxAge = time.Duration(seconds) * time.Second
	}
	return p, nil
}

// promptOf is what the client asks that sent the user with a request that was kept.
func promptOf(request registry.AuthorizationRequest) (Prompt, error) {
	return ReadPrompt(url.Values{promptField: {request.Parameters[promptField]}, maxAgeField: {request.Parameters[maxAgeField]}})
}

// passOn tells the host application what it has to see to, when the user signs in there: it may have a session of its own.
func (p Prompt) passOn(query url.Values) {
	if p.login {
		query.Set(promptField, "login")
	}
	if p.maxAge >= 0 {
		query.Set(maxAgeField, strconv.FormatInt(int64(p.maxAge/time.Second), 10))
	}
}

// sinceWhen are the times that the host application's JWT must not be older than, if it says how old it is: when it was made, and
// when the user signed in. Where the client asks for nothing, any will do. began is when the user was sent there; the clocks of the two
// hosts may differ.
func (p Prompt) sinceWhen(began time.Time) (issued, signedIn time.Time) {
	began = began.Add(-keyring.ClockSkew)
	switch {
	case p.login:
		return began, began
	case p.maxAge >= 0:
		return began, began.Add(-p.maxAge)
	}
	return time.Time{}, time.Time{}
}

// IsRecent reports whether the session is as fresh at that time as the client asks.
func (p Prompt) IsRecent(session registry.Session, at time.Time) bool {
	return !p.login && (p.maxAge < 0 || at.Sub(session.SignedInAt) <= p.maxAge)
}
