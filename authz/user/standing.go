package user

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// Standing tells whether a user who signed in once may still have what they were given. Implementations are safe for
// concurrent use and bound on their own how long they block.
type Standing interface {
	// CheckStanding returns nil for a user who may go on, and for one who is nobody that could be asked about. An error that is
	// or wraps ErrSuspended says that the operator has suspended or deleted the account, ErrUnavailable that this cannot be found
	// out now.
	CheckStanding(ctx context.Context, subject string) error
}

var _ Standing = (*LNDHub)(nil)

const (
	// standingTimeout is short: somebody waits for an answer that does not depend on it.
	standingTimeout = time.Second
	// standingPause is how long a lndhub.go is not asked again that let the time pass.
	standingPause = 5 * time.Second
	// standingLifespan is of the token that is sent, which is good for one question.
	standingLifespan = time.Minute
)

var errPaused = fmt.Errorf("%w: lndhub did not answer in time a moment ago", ErrUnavailable)

// CheckStanding implements Standing. It asks for tokens of the user, with a refresh token as lndhub.go makes them: that is
// where lndhub.go says that an account is suspended, and not only that it refuses. It blocks at most a second.
//
// lndhub.go counts the question for an address that is the user's alone (askedAbout).
func (a *LNDHub) CheckStanding(ctx context.Context, subject string) error {
	id, err := strconv.ParseInt(subject, 10, 64)
	if err != nil || id <= 0 {
		return nil
	}
	if timeFrom(a.Now).UnixNano() < a.pausedUntil.Load() {
		return errPaused
	}
	token, err := a.refreshToken(id)
	if err != nil {
		return err
	}
	asked, cancel := context.WithTimeout(ctx, standingTimeout)
	defer cancel()
	_, err = a.ask(asked, struct {
		RefreshToken string `json:"refresh_token"`
	}{token}, askedAbout(id))
	var denied *DeniedError
	var braked *BrakedError
	switch {
	case errors.As(err, &denied):
		return fmt.Errorf("%w: lndhub refuses a token of the user: it does not know the user, its database does not answer, "+
			"or its secret is another", ErrUnavailable)
	case errors.As(err, &braked):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case err != nil && asked.Err() != nil && ctx.Err() == nil:
		a.pausedUntil.Store(timeFrom(a.Now).Add(standingPause).UnixNano())
	}
	return err
}

// askedAbout is the address under which lndhub.go, which limits requests by it, counts questions about a user: 100:: and the ID. No
// packet comes from there (RFC 6666). The address of whoever has it asked would not do. At a refresh that is often an
// application's server, with all its users behind it, whose requests and sign-ins have that address at lndhub.go, too: either would take
// from the other, and a question that is one too many lets a suspended user pass.
func askedAbout(id int64) netip.Addr {
	address := [16]byte{0: 0x01}
	binary.BigEndian.PutUint64(address[8:], uint64(id))
	return netip.AddrFrom16(address)
}

// refreshToken has no iat: lndhub.go refuses a token from a clock that is ahead of its own.
func (a *LNDHub) refreshToken(id int64) (string, error) {
	payload, err := json.Marshal(struct {
		ID        int64 `json:"id"`
		IsRefresh bool  `json:"isRefresh"`
		ExpiresAt int64 `json:"exp"`
	}{id, true, timeFrom(a.Now).Add(standingLifespan).Unix()})
	if err != nil {
		return "", fmt.Errorf("encode token for lndhub: %w", err)
	}
	signed, err := jws.Sign(payload, jws.WithKey(jwa.HS256, a.secret))
	if err != nil {
		return "", fmt.Errorf("sign token for lndhub: %w", err)
	}
	return string(signed), nil
}
