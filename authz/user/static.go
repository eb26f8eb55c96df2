package user

import (
	"context"

	"gatehouse/authz/internal/text"
)

// Static is one user with a login and a password, for development and tests. It never blocks.
type Static struct {
	Login    string
	Password string
	Subject  string
}

var _ Authenticator = Static{}

// Authenticate implements Authenticator for a proof with a login or a password. It takes the same time wherever the two
// differ from the right ones.
func (u Static) Authenticate(_ context.Context, proof Proof) (string, error) {
	if !proof.hasPassword() {
		return "", ErrNotApplicable
	}
	if !text.IsSame(u.Login, proof.Login) || !text.IsSame(u.Password, proof.Password) {
		return "", errWrongPassword
	}
	return u.Subject, nil
}
