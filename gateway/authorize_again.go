package gateway

// authorizeAgain holds a request that had to be waited for to what may have changed since it was authorized: its token may
// have expired or been revoked, and its key may have been withdrawn. It leaves a new credential in r, because some hold for
// no longer than a request takes.
func (g *Gateway) authorizeAgain(r *request, to *rule) (err error) {
	claims := r.seen.Claims
	switch {
	case !g.now().Before(claims.ExpiresAt):
		return errExpiredToken
	case g.verifier.KeyWithdrawn(claims):
		return errWithdrawnKey
	}
	if err := g.checkRevoked(r, claims, to); err != nil {
		return err
	}
	r.credential, err = to.credential.Append(r.credential[:0], claims, r.accessToken)
	return err
}
