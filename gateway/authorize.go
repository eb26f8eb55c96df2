package gateway

import (
	"errors"
	"log/slog"
	"time"

	"gatehouse/denylist"
	"gatehouse/gateway/internal/occasional"
	"gatehouse/keys"
)

// authorize finds the rule that lets the request pass, and leaves in r what the upstream is told about its caller.
func (g *Gateway) authorize(r *request) error {
	rule, err := g.routes.Match(r.method, &r.target)
	if err != nil {
		return err
	}
	r.rule, r.seen.Route = rule, rule.index
	if rule.webSocket != nil { // else its Upgrade ends here like every field that is for one hop
		if err := r.handshake.Read(r.method, r.isHTTP11, r.fields, rule.webSocket.origins); err != nil {
			return err
		}
	}
	token, err := r.token(rule)
	if err != nil {
		return err
	}
	if token == nil {
		if !rule.public {
			return rule.noToken
		}
		r.seen.Verdict = Anonymous
		return nil
	}
	claims, err := g.verify(r, token)
	if err != nil {
		return err
	}
	r.seen.Claims, r.seen.Verdict, r.accessToken = claims, Valid, token
	if err := rule.audience.check(claims); err != nil {
		return err
	}
	if err := g.checkRevoked(r, claims, rule); err != nil {
		return err
	}
	if rule.demandsScope && !claims.HasScope(rule.scope) {
		return rule.noScope
	}
	if rule.spend != nil && claims.GrantID == "" {
		return errNoUser
	}
	if err := g.checkSender(r, token, claims, rule); err != nil {
		return err
	}
	if r.credential, err = rule.credential.Append(r.credential, claims, token); err != nil {
		return err
	}
	g.noteUse(claims)
	return nil
}

func (g *Gateway) verify(r *request, token []byte) (*keys.Claims, error) {
	claims, err := g.verifier.Verify(token)
	if err != nil {
		if g.log.Enabled(g.running, slog.LevelDebug) {
			g.log.Debug("token refused", "reason", err, r.logged())
		}
		if errors.Is(err, keys.ErrNotYetValid) {
			g.clock.warn(g.log)
		}
		if errors.Is(err, denylist.ErrUnknown) {
			if times, due := g.opaqueUnknown.Due(); due {
				g.log.Warn("refused: an opaque token cannot be looked up", "error", err, "times", times, r.logged())
			}
		}
		return nil, g.tokenRefused(err)
	}
	return claims, nil
}

// aKeyWasRevoked asks whether any key was revoked lately.
var aKeyWasRevoked = denylist.Query{KeyID: denylist.AnyKey}

// tokenRefused is the answer to a token that does not verify. A key that is not known here is one that nobody has, because a
// key is published long before it signs; but not after one was revoked, when another signs at once. Until everyone can have
// read the JWKS the token may be good: 503, as clients throw their refresh token away on 401. Of the key that was revoked it
// is not good, and its client is to refresh.
func (g *Gateway) tokenRefused(reason error) *refusal {
	var unknown *keys.UnknownKeyError
	if !errors.As(reason, &unknown) || g.denylist.Check(g.running, aKeyWasRevoked) == nil {
		return tokenRefused(reason)
	}
	ofRevokedKey := denylist.Query{KeyID: unknown.KeyID}
	if errors.Is(g.denylist.Check(g.running, ofRevokedKey), denylist.ErrRevoked) {
		return tokenRefused(reason)
	}
	return errKeysUnavailable
}

// checkRevoked asks for every request, whatever caches remember: who a token speaks for may be remembered, that it is
// still good may not.
func (g *Gateway) checkRevoked(r *request, claims *keys.Claims, rule *rule) error {
	err := g.denylist.Check(g.running, queryFor(claims))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, denylist.ErrRevoked):
		return errRevokedToken
	case rule.allows:
		if times, due := g.revocationUnchecked.Due(); due {
			g.log.Warn("forwarded without knowing whether the token was revoked", "route", rule.name, "error", err, "times", times, r.logged())
		}
		r.seen.Verdict = RevocationUnchecked
		return nil
	default:
		if times, due := g.revocationUnknown.Due(); due {
			g.log.Warn("refused: cannot tell whether the token was revoked", "route", rule.name, "error", err, "times", times, r.logged())
		}
		return errRevocationUnknown
	}
}

func queryFor(claims *keys.Claims) denylist.Query {
	return denylist.Query{TokenID: claims.ID, GrantID: claims.GrantID, ClientID: claims.ClientID, KeyID: claims.KeyID}
}

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

// clockWarning tells the operator that authentic tokens come from the future, which only a wrong clock explains: here or
// at the authorization server.
type clockWarning struct {
	occasional occasional.Warning
}

func (w *clockWarning) warn(log *slog.Logger) {
	if times, due := w.occasional.Due(); due {
		log.Warn("tokens are refused because they were issued in the future: is the clock here or at the authorization server wrong?",
			"clock", time.Now().UTC(), "times", times)
	}
}
