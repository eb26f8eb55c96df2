package authz

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/browser"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/signin"
	"gatehouse/registry"
)

const (
	// requestLife is how long a user may take to sign in and decide.
	requestLife = 10 * time.Minute
	// maxKeptParameters is how many bytes of a request are kept: far more than any client needs.
	maxKeptParameters = 16 << 10
	// So many requests may one address begin at once, and one more in each requestEvery: each is kept for a while.
	requestBurst = 600
	requestEvery = 100 * time.Millisecond
)

// beginAuthorize is where a client sends a user's browser. It keeps the request and leads to its page, whose address holds
// nothing but its ID, so that reloading it or going back to it sends nothing again. With prompt=none there is no page.
//
// A pushed request is used once: it begins in the browser that comes first with its name. That browser may come again with it, by a
// link that was clicked twice or by Back, and is led to the same page, for as long as there is one; every other one is refused. What is
// answered without a page cannot be repeated at all.
//
// A GET of the host application, which says by a token who the user is, is answered as its POST is: oauth2server did so, and no
// browser sends such a token by itself.
func (s *Server) beginAuthorize(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && endpoint.HasToken(r) {
		s.handleAuthorize(w, r)
		return
	}
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	_, a, err := s.readAuthorization(ctx, w, r)
	if a == nil {
		s.pages.Fail(w, r, err)
		return
	}
	if path, hasBegun := a.begunPath(); hasBegun {
		s.pages.SeeOther(w, path)
		return
	}
	var asked signin.Prompt
	if err == nil {
		asked, err = signin.ReadPrompt(a.form)
	}
	switch {
	case err != nil:
		s.redirectError(w, r, a, http.StatusFound, err)
	case asked.None:
		if err := s.usePushed(ctx, a); err != nil {
			s.pages.Fail(w, r, err)
			return
		}
		s.authorizeSilently(ctx, w, r, a, asked)
	default:
		s.keepRequest(ctx, w, r, a)
	}
}

func (s *Server) keepRequest(ctx context.Context, w http.ResponseWriter, r *http.Request, a *authorization) {
	if err := s.requestPace.Take(s.users.Caller(r)); err != nil {
		s.pages.Fail(w, r, endpoint.TooManyRequests(err))
		return
	}
	kept, err := keptParameters(a.form)
	if err != nil {
		s.redirectError(w, r, a, http.StatusFound, err)
		return
	}
	now, browserHash := s.now(), text.HashToken(s.pages.Know(w, r))
	begun := registry.AuthorizationRequest{
		ID: rand.Text(), BrowserHash: browserHash, ClientID: a.client.ID, Parameters: kept, CreatedAt: now, ExpiresAt: now.Add(requestLife),
	}
	if a.pushed == nil {
		err = s.registry.CreateAuthorizationRequest(ctx, begun)
	} else {
		begun.ID = a.pushed.ID
		err = asPushedError(s.registry.BeginPushedRequest(ctx, begun.ID, browserHash, begun.ExpiresAt))
	}
	if err != nil {
		s.pages.Fail(w, r, err)
		return
	}
	s.pages.SeeOther(w, browser.RequestPath(begun.ID))
}

// keptParameters are what is stored of a request.
func keptParameters(form url.Values) (map[string]string, error) {
	kept, size := map[string]string{}, 0
	for name := range form {
		switch name {
		case "login", "password", decisionField: // of the form in which a host application lets its user decide
		case "client_assertion", "client_assertion_type": // with which a client has pushed it
		case "client_secret": // which some clients send where nobody asks for it
		default:
			kept[name] = strings.Join(form[name], " ") // no resource has a space in it, and all else is there once
			size += len(name) + len(kept[name])
		}
	}
	if size > maxKeptParameters {
		return nil, errTooLong
	}
	return kept, nil
}

var errTooLong = fosite.ErrInvalidRequest.WithHint("The request is too long.")

// formOf is the reverse of that.
func formOf(kept map[string]string) url.Values {
	form := make(url.Values, len(kept))
	for name, value := range kept {
		form.Set(name, value)
		if name == resourceField {
			form[name] = strings.Fields(value)
		}
	}
	return form
}

// keptRequest is an authorization request whose page a browser is at.
type keptRequest struct {
	*authorization
	registry.AuthorizationRequest
	asked signin.Prompt
}

// openRequest finds a request that this browser began, and checks it as if it came now: the client may have changed. Without
// an authorization in the result, the answer must not be a redirect.
func (s *Server) openRequest(ctx context.Context, r *http.Request, v browser.Visitor, id string) (keptRequest, error) {
	var k keptRequest
	var err error
	if k.AuthorizationRequest, err = s.findRequest(ctx, v, id); err != nil {
		return k, err
	}
	form := formOf(k.Parameters)
	if k.authorization, err = s.readAuthorizationForm(ctx, r, form); err != nil {
		return k, err
	}
	k.asked, err = signin.ReadPrompt(form)
	return k, err
}

// findRequest finds a request that this browser began and that has not expired.
func (s *Server) findRequest(ctx context.Context, v browser.Visitor, id string) (registry.AuthorizationRequest, error) {
	found, err := s.registry.AuthorizationRequest(ctx, id)
	browser.WishFor(ctx, found.Parameters[browser.LocalesField])
	switch {
	case errors.Is(err, registry.ErrNotFound), errors.Is(err, registry.ErrInvalid):
		return found, errNoRequest
	case err != nil:
		return found, err
	case v.Browser == "":
		return registry.AuthorizationRequest{}, errNoCookie
	case text.HashToken(v.Browser) != found.BrowserHash:
		return registry.AuthorizationRequest{}, errOtherBrowser
	case !s.now().Before(found.ExpiresAt):
		return found, errRequestExpired
	}
	return found, nil
}
