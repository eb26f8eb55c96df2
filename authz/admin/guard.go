package admin

import (
	"net/http"
	"net/url"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
)

// guard asks for the Token where one is configured. Without one, reaching the listener is all it takes, and a
// foreign web page can make the operator's browser reach it. What that sends is refused, also when the page's owner has
// pointed a name at this machine (DNS rebinding).
func (a *API) guard(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sameOrigin.Check(r) != nil {
			a.Failures.Answer(w, r, endpoint.ErrForbidden)
			return
		}
		if a.Token == "" && !client.IsLocalhost((&url.URL{Host: r.Host}).Hostname()) {
			a.Failures.Answer(w, r, endpoint.ErrForbidden.WithHint("Without an admin token only localhost may be asked."))
			return
		}
		if a.Token != "" {
			token, err := endpoint.ReadBearer(r)
			if err != nil || !text.IsSame(a.Token, token) {
				a.Failures.Answer(w, r, endpoint.ErrInvalidToken.WithHint("The admin token is missing or wrong."))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
