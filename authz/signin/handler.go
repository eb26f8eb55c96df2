package signin

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"gatehouse/authz/browser"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/user"
	"gatehouse/registry"
)

// life is how long a user may take to sign in at the host application.
const life = 10 * time.Minute

// Handler signs users in and out. It is safe for concurrent use.
type Handler struct {
	Issuer       string
	Pages        *browser.Pages
	Registry     *registry.Registry
	Users        Users
	HasPasswords bool       // whether login and password are asked for
	LoginURL     *url.URL   // the host application's login page (ParseLoginURL); nil: there is none
	Pace         *user.Pace // of sign-ins at the host application, by address
	// AskedToSignIn is the application for whose request the user of the browser has to sign in; nil: the request's own page says what
	// becomes of it.
	AskedToSignIn func(ctx context.Context, r *http.Request, v browser.Visitor, requestID string) (*Application, error)
	// FindRequest finds an authorization request that the browser began and that has not expired.
	FindRequest func(ctx context.Context, v browser.Visitor, requestID string) (registry.AuthorizationRequest, error)
	Failures    endpoint.Failures
	Log         *slog.Logger
	Now         func() time.Time
}

// Application is what led the user here.
type Application struct {
	Name      string
	LoginHint string // the login that it expects; empty: it does not say
}

// Routes are the pages on which users sign in, and out.
func (h *Handler) Routes() endpoint.Routes {
	return endpoint.Routes{
		browser.SignInPage:  {http.MethodGet: h.Pages.Handle(h.showSignIn), http.MethodPost: h.Pages.Handle(h.signIn)},
		hostSignInPath:      {http.MethodPost: h.Pages.Handle(h.goToHost)},
		returnPath:          {http.MethodGet: h.Pages.Handle(h.finishReturn), http.MethodPost: h.Pages.Handle(h.comeBack)},
		browser.SignOutPath: {http.MethodPost: h.Pages.Handle(h.signOut)},
	}
}
