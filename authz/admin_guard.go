package authz

import (
	"net"
	"net/http"
	"net/url"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/text"
)

// guardAdmin asks for the admin token where one is configured. Without one, reaching the listener is all it takes, and a
// foreign web page can make the operator's browser reach it. What that sends is refused, also when the page's owner has
// pointed a name at this machine (DNS rebinding).
func (s *Server) guardAdmin(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sameOrigin.Check(r) != nil {
			s.fail(w, r, errForbidden)
			return
		}
		if s.adminToken == "" && !client.IsLocalhost((&url.URL{Host: r.Host}).Hostname()) {
			s.fail(w, r, errForbidden.WithHint("Without an admin token only localhost may be asked."))
			return
		}
		if s.adminToken != "" {
			token, err := readBearer(r)
			if err != nil || !text.IsSame(s.adminToken, token) {
				s.fail(w, r, errInvalidToken.WithHint("The admin token is missing or wrong."))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// operator is who sent the request: every change is recorded under the address that it came from.
func (s *Server) operator(r *http.Request) *Operator {
	operator := s.administration
	operator.Actor = "admin " + remoteHost(r)
	return &operator
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
