package authz

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/ory/fosite"
)

// guardAdmin asks for the admin token where one is configured. Without one, reaching the listener is all it takes, so
// what a foreign web page makes the operator's browser send is refused, under this machine's own name or under one that
// the page's owner has pointed at it (DNS rebinding).
func (s *Server) guardAdmin(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sameOrigin.Check(r) != nil {
			s.fail(w, r, errForbidden)
			return
		}
		if s.adminToken == "" && !isLocalhost((&url.URL{Host: r.Host}).Hostname()) {
			s.fail(w, r, errForbidden.WithHint("Without an admin token only localhost may be asked."))
			return
		}
		if s.adminToken != "" {
			token, err := readBearer(r)
			if err != nil || !sameText(s.adminToken, token) {
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

// readJSON decodes a body of one JSON object into target, which names every field that there may be.
func readJSON(w http.ResponseWriter, r *http.Request, target any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(target)
	if err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = errors.New("there is something after the object")
		}
	}
	var tooLarge *http.MaxBytesError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case errors.As(err, &wrongType): // its own text names the types of this program
		return fosite.ErrInvalidRequest.WithHintf("The body is not the expected JSON object: %s has the wrong type, %s.",
			cmp.Or(wrongType.Field, "it"), wrongType.Value)
	case err != nil:
		return fosite.ErrInvalidRequest.WithHintf("The body is not the expected JSON object: %s.", err)
	}
	return nil
}

// newClientID is 16 random letters and digits. It begins with a letter, so that it never looks like a user's id.
func newClientID() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	const alphabet = letters + "0123456789"
	id := make([]byte, 0, 16)
	for len(id) < cap(id) {
		allowed := alphabet
		if len(id) == 0 {
			allowed = letters
		}
		var random [1]byte
		_, _ = rand.Read(random[:]) // never fails (crypto/rand)
		if i := int(random[0] & 63); i < len(allowed) {
			id = append(id, allowed[i])
		}
	}
	return string(id)
}
