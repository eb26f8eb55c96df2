package authz

import "context"

// StaticUser is one user with a login and a password, for the mock server and for tests. It never blocks.
type StaticUser struct {
	Login    string
	Password string
	Subject  string
}

var _ UserAuthenticator = StaticUser{}

// Authenticate implements UserAuthenticator for a proof with a login or a password. It takes the same time wherever the
// two differ from the right ones.
func (u StaticUser) Authenticate(_ context.Context, proof Proof) (string, error) {
	if proof.Login == "" && proof.Password == "" {
		return "", ErrNotApplicable
	}
	if !sameText(u.Login, proof.Login) || !sameText(u.Password, proof.Password) {
		return "", errWrongPassword
	}
	return u.Subject, nil
}
