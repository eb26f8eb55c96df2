package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Code is an authorization code (RFC 6749 section 4.1.2), known by its hash.
// The PKCE challenge (RFC 7636) is part of it: no code can be read without the
// challenge it was bound to.
type Code struct {
	Hash            string    `bun:"hash,pk"`
	GrantID         string    `bun:"grant_id"`
	Challenge       string    `bun:"challenge"` // empty: none was sent
	ChallengeMethod string    `bun:"challenge_method"`
	RedirectURI     string    `bun:"redirect_uri"`      // as the authorization request spelled it; empty: it had none
	BoundTo         string    `bun:"bound_to,nullzero"` // the thumbprint of a key; empty: to none
	ExpiresAt       time.Time `bun:"expires_at"`
	UsedAt          time.Time `bun:"used_at,nullzero"` // zero: not redeemed
}

// Used reports whether the code was redeemed.
func (c Code) Used() bool { return !c.UsedAt.IsZero() }

type codeRow struct {
	bun.BaseModel `bun:"table:codes,alias:co"`
	Code
	Grant *grantRow `bun:"rel:belongs-to,join:grant_id=id"`
}

func (row *codeRow) code() Code {
	c := row.Code
	c.ExpiresAt, c.UsedAt = c.ExpiresAt.UTC(), c.UsedAt.UTC()
	return c
}

// Authorize stores a new grant and its first code in one transaction. The
// code's GrantID may be empty; a zero CreatedAt becomes now; AccessExpiresAt,
// EndedAt, EndReason and UsedAt are ignored, because only later events set them.
//
// The subject then has at most most live grants to the client: in the same
// transaction the oldest end (reason "replaced") with their revocations, and ended
// are their IDs. Those that are good for nothing any more go first.
//
// What the subject decided about budgets is stored in the same transaction: no grant
// lives without the limit that was chosen for it.
//
// ErrNotFound when the client does not exist, was deleted or disabled; ErrExists
// when the grant's ID or the code's hash is taken; ErrBudgetChanged.
func (r *Registry) Authorize(ctx context.Context, g Grant, c Code, most int, decided ...Decision) (ended []string, err error) {
	if err := checkDecisions(decided, g); err != nil {
		return nil, err
	}
	freed, err := r.authorize(ctx, g, c, room{most: most}, func(ctx context.Context, tx bun.Tx) error {
		return r.setDecided(ctx, tx, decided)
	})
	return freed.replaced, err
}

// AuthorizeUnasked is Authorize for a grant about which the subject was not asked: it ends no other that is good for anything.
// ErrNoRoom when one would have to end.
func (r *Registry) AuthorizeUnasked(ctx context.Context, g Grant, c Code, most int) (ended []string, err error) {
	freed, err := r.authorize(ctx, g, c, room{most: most, onlySpent: true}, func(context.Context, bun.Tx) error { return nil })
	return freed.replaced, err
}

// authorize is Authorize, or AuthorizeUnasked, with a first step of its transaction.
func (r *Registry) authorize(
	ctx context.Context, g Grant, c Code, room room, first func(context.Context, bun.Tx) error,
) (freed freed, err error) {
	if g.CreatedAt.IsZero() {
		g.CreatedAt = r.clock()
	}
	g.AccessExpiresAt, g.EndedAt, g.EndReason = time.Time{}, time.Time{}, ""
	c.UsedAt = time.Time{}
	if c.GrantID == "" {
		c.GrantID = g.ID
	}
	if err := errors.Join(g.check(), c.check(g.ID)); err != nil {
		return freed, err
	}
	if room.most < 1 {
		return freed, fmt.Errorf("%w: a user may have at least one grant", ErrInvalid)
	}
	err = r.inTx(ctx, "authorize", func(ctx context.Context, tx bun.Tx) error {
		if len(room.without) > 0 {
			if err := r.whileNothingIsTaken(ctx, tx); err != nil {
				return err
			}
		}
		if err := first(ctx, tx); err != nil {
			return err
		}
		// The share lock lasts until the commit: who deleted or disabled the client
		// before that would not see the new grant and leave it live.
		err := r.locking(tx.NewSelect().Model((*clientRow)(nil)), "SHARE").Column("id").
			Where("id = ?", g.ClientID).Where("deleted_at IS NULL").Where("disabled_at IS NULL").Scan(ctx, new(string))
		if err != nil {
			return err
		}
		if freed, err = r.makeRoom(ctx, tx, g.Subject, g.ClientID, room); err != nil {
			return err
		}
		result, err := tx.NewInsert().Model(&grantRow{Grant: g}).
			On("CONFLICT (id) DO NOTHING").Returning("NULL").Exec(ctx)
		if err := orElse(ErrExists, result, err); err != nil {
			return err
		}
		result, err = tx.NewInsert().Model(&codeRow{Code: c}).
			On("CONFLICT (hash) DO NOTHING").Returning("NULL").Exec(ctx)
		return orElse(ErrExists, result, err)
	})
	return freed, err
}

// Code looks a code up, used and expired ones included, with its grant. It
// changes nothing. ErrNotFound.
func (r *Registry) Code(ctx context.Context, hash string) (Code, Grant, error) {
	if err := checkText(hash); err != nil {
		return Code{}, Grant{}, err
	}
	var row codeRow
	err := r.run(ctx, "read code", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&row).Relation("Grant").Where("co.hash = ?", hash).Scan(ctx)
	})
	if err != nil {
		return Code{}, Grant{}, err
	}
	return row.code(), row.Grant.grant(), nil
}

// RedeemCode marks the code used, inserts the first refresh token (nil: none) and
// raises the grant's AccessExpiresAt to accessExpires, in one transaction. Under
// any interleaving one call succeeds. accessExpires is the last moment at which a
// verifier may accept the access token about to be minted, its leeway included: a
// revocation is kept until then.
//
// ErrCodeUsed when the code was used before, also when it has expired since: the
// grant has been ended (reason "code_reused") and its revocation committed; the
// caller has to deliver it. ErrNotFound, ErrExpired and ErrGrantEnded change
// nothing.
func (r *Registry) RedeemCode(ctx context.Context, hash string, first *RefreshToken, accessExpires time.Time) error {
	if err := errors.Join(checkText(hash), first.check(), checkTimes(accessExpires)); err != nil {
		return err
	}
	if r.onPostgres() {
		if redeemed, err := r.redeemPlanned(ctx, hash, first, accessExpires); err != nil || redeemed {
			return err
		}
	}
	var outcome error
	err := r.inTx(ctx, "redeem code", func(ctx context.Context, tx bun.Tx) error {
		now := r.clock()
		var grantID string
		err := tx.NewUpdate().Model((*codeRow)(nil)).Set("used_at = ?", now).
			Where("hash = ?", hash).Where("used_at IS NULL").Where("expires_at > ?", now).
			Returning("grant_id").Scan(ctx, &grantID)
		if errors.Is(err, sql.ErrNoRows) {
			outcome, err = r.unredeemable(ctx, tx, hash)
			return err
		}
		if err != nil {
			return err
		}
		if err := r.raiseAccessExpiry(ctx, tx, grantID, accessExpires); err != nil {
			return err
		}
		if first == nil {
			return nil
		}
		return r.insertRefresh(ctx, tx, *first, grantID, "")
	})
	if err != nil {
		return err
	}
	return outcome
}

// unredeemable says why the code could not be redeemed. A second use is reported as
// an outcome, not as an error, so that the end of its grant is committed.
func (r *Registry) unredeemable(ctx context.Context, tx bun.Tx, hash string) (outcome, err error) {
	var row codeRow
	if err := tx.NewSelect().Model(&row).Where("co.hash = ?", hash).Scan(ctx); err != nil {
		return nil, err
	}
	if !row.Used() {
		return nil, ErrExpired
	}
	_, err = r.end(ctx, tx, "code_reused", row.GrantID)
	return ErrCodeUsed, err
}

func (c *Code) check(grantID string) error {
	if c.GrantID != grantID {
		return ErrInvalid
	}
	return errors.Join(
		checkIDs(c.Hash),
		checkText(c.Challenge, c.ChallengeMethod, c.RedirectURI, c.BoundTo),
		checkTimes(c.ExpiresAt),
	)
}
