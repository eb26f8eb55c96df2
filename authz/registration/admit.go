package registration

import (
	"errors"
	"net/http"
	"net/netip"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/user"
)

// admit lets a request to register a client pass, before anything else of it is read.
func (h *Handler) admit(r *http.Request) error {
	if len(h.Tokens) > 0 {
		token, err := endpoint.ReadBearer(r)
		if err != nil || !h.isInitial(token) {
			return endpoint.ErrInvalidToken.WithHint("The initial access token is missing or wrong.")
		}
	}
	if err := endpoint.TooManyRequests(h.Each.Take(h.Caller(r))); err != nil {
		return err
	}
	var braked *user.BrakedError
	if err := h.All.Take(netip.Addr{}); errors.As(err, &braked) {
		return endpoint.ErrTooManyTries.WithHint("Too many clients register at this moment. Try again later.").WithWrap(braked)
	}
	return nil
}

// isInitial compares with every token, so that the time tells nothing about any.
func (h *Handler) isInitial(token string) bool {
	found := false
	for _, one := range h.Tokens {
		if text.IsSame(one, token) {
			found = true
		}
	}
	return found
}
