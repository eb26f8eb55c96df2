package registry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Grant is one user's consent to one client. Its codes, refresh tokens and access
// tokens carry its ID and end with it.
type Grant struct {
	ID             string        `bun:"id,pk"`
	ClientID       string        `bun:"client_id"`
	Subject        string        `bun:"subject"`
	Scopes         []string      `bun:"scopes,nullzero"`
	Resources      []string      `bun:"resources,nullzero"` // the audiences of its tokens; none: the server itself
	RedirectURI    string        `bun:"redirect_uri"`
	AccessLifespan time.Duration `bun:"access_lifespan"` // how long its access tokens live; 0: the server's default
	CreatedAt      time.Time     `bun:"created_at"`
	// Fingerprint is that of the client, as it was shown to the subject; empty: an operator has registered the client.
	Fingerprint string `bun:"fingerprint"`

	// AccessExpiresAt is when the last access token minted under the grant
	// expires; zero until its code is redeemed. It never moves back.
	AccessExpiresAt time.Time `bun:"access_expires_at,nullzero"`
	// LastUsedOn is the day, in UTC, on which a token was minted under the grant or
	// a gateway let a request with one pass; zero: none that is known of. It never
	// moves back. What gateways saw is there a minute or two later.
	LastUsedOn time.Time `bun:"last_used_on,nullzero"`

	EndedAt   time.Time `bun:"ended_at,nullzero"` // zero: the grant is live
	EndReason string    `bun:"end_reason"`
}

// Ended reports whether the grant was ended: nothing more may be minted under it.
func (g Grant) Ended() bool { return !g.EndedAt.IsZero() }

type grantRow struct {
	bun.BaseModel `bun:"table:grants,alias:g"`
	Grant
}

func (row *grantRow) grant() Grant {
	g := row.Grant
	g.CreatedAt, g.AccessExpiresAt, g.EndedAt = g.CreatedAt.UTC(), g.AccessExpiresAt.UTC(), g.EndedAt.UTC()
	g.LastUsedOn = g.LastUsedOn.UTC()
	return g
}

// EndGrant ends the grant and, when an access token minted under it may still be
// valid, writes the revocation in the same transaction. After it no redemption
// and no rotation of the grant succeeds. Ending an ended grant changes nothing and
// is no error. ErrNotFound.
func (r *Registry) EndGrant(ctx context.Context, grantID, reason string) error {
	if err := checkText(grantID, reason); err != nil {
		return err
	}
	return r.inTx(ctx, "end grant", func(ctx context.Context, tx bun.Tx) error {
		if err := r.whileNothingIsTaken(ctx, tx); err != nil {
			return err
		}
		ended, err := r.end(ctx, tx, reason, grantID)
		if err != nil {
			return err
		}
		if len(ended) == 1 {
			return r.recordEnded(ctx, tx, ended)
		}
		return tx.NewSelect().Model((*grantRow)(nil)).Column("id").Where("id = ?", grantID).Scan(ctx, new(string))
	})
}

// EndGrants ends every live grant that the subject gave the client, as EndGrant
// does, and says how many there were. Where Authorize keeps them few, it is one
// transaction; else each endBatch of them is one, and an error leaves the rest live.
func (r *Registry) EndGrants(ctx context.Context, subject, clientID, reason string) (ended int, err error) {
	if err := checkText(subject, clientID, reason); err != nil {
		return 0, err
	}
	return r.endEach(ctx, reason, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("subject = ?", subject).Where("client_id = ?", clientID)
	})
}

// EndGrantsOfSubject ends every live grant that the subject gave any client, as
// EndGrants does, and says how many there were.
func (r *Registry) EndGrantsOfSubject(ctx context.Context, subject, reason string) (ended int, err error) {
	if err := checkText(subject, reason); err != nil {
		return 0, err
	}
	return r.endEach(ctx, reason, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("subject = ?", subject)
	})
}

// endBatch is how many grants end in one transaction at most.
const endBatch = 500

func (r *Registry) endEach(
	ctx context.Context, reason string, which func(*bun.SelectQuery) *bun.SelectQuery,
) (ended int, err error) {
	for {
		var batch int
		err := r.inTx(ctx, "end grants", func(ctx context.Context, tx bun.Tx) error {
			if err := r.whileNothingIsTaken(ctx, tx); err != nil {
				return err
			}
			rows, err := r.endSome(ctx, tx, reason, which)
			if err != nil {
				return err
			}
			batch = len(rows)
			return r.recordEnded(ctx, tx, rows)
		})
		if err != nil {
			return ended, err
		}
		if ended += batch; batch < endBatch {
			return ended, nil
		}
	}
}

// endSome ends up to endBatch of the live grants, and revokes what was minted under
// them.
func (r *Registry) endSome(
	ctx context.Context, tx bun.Tx, reason string, which func(*bun.SelectQuery) *bun.SelectQuery,
) ([]grantRow, error) {
	var ids []string
	live := r.locking(tx.NewSelect().Model((*grantRow)(nil)), "NO KEY UPDATE").Column("id")
	err := which(live).Where("ended_at IS NULL").Order("id").Limit(endBatch).Scan(ctx, &ids)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return r.end(ctx, tx, reason, ids...)
}

// end ends those of the grants that are live, revokes what was minted under them and
// notes that they were taken back. All have one subject. A caller with more than one has locked them in the order of their IDs:
// two that lock the same grants in different orders would wait for each other.
func (r *Registry) end(ctx context.Context, tx bun.Tx, reason string, ids ...string) (ended []grantRow, err error) {
	if ended, err = r.markEnded(ctx, tx, reason, ids...); err != nil {
		return nil, err
	}
	now := r.clock()
	var revocations []Revocation
	for i := range ended {
		if grant := &ended[i]; grant.AccessExpiresAt.After(now) {
			revocations = append(revocations, Revocation{
				Kind: KindGrant, ID: grant.ID, Subject: grant.Subject, ExpiresAt: grant.AccessExpiresAt,
			})
		}
	}
	if _, err := r.revoke(ctx, tx, revocations...); err != nil || !takesBack(reason) {
		return ended, err
	}
	return ended, r.noteTakenBack(ctx, tx, ended)
}

// markEnded ends grants as end does, and leaves it to the caller to revoke what was
// minted under them.
func (r *Registry) markEnded(ctx context.Context, tx bun.Tx, reason string, ids ...string) (ended []grantRow, err error) {
	err = tx.NewUpdate().Model(&ended).
		Set("ended_at = ?", r.clock()).Set("end_reason = ?", reason).Set("needed_until = NULL").
		Where("id IN (?)", bun.List(ids)).Where("ended_at IS NULL").
		Returning("id, client_id, subject, access_expires_at, end_reason").Scan(ctx)
	return ended, err
}

func (r *Registry) recordEnded(ctx context.Context, tx bun.Tx, ended []grantRow) error {
	records := make([]AuditRecord, len(ended))
	for i, grant := range ended {
		records[i] = AuditRecord{
			Action: "grant.end", Target: grant.ID,
			Detail: fmt.Sprintf("%s, client %s, subject %s", grant.EndReason, grant.ClientID, grant.Subject),
		}
	}
	return r.recordEach(ctx, tx, records...)
}

// raiseAccessExpiry notes that an access token that lives until expires is about
// to be minted under the grant, which is a use of it. ErrGrantEnded when it has
// ended. Whoever ends the grant at the same time either comes first, or waits for this transaction and
// then revokes until expires.
func (r *Registry) raiseAccessExpiry(ctx context.Context, tx bun.Tx, grantID string, expires time.Time) error {
	today := dayOf(r.clock())
	result, err := tx.NewUpdate().Model((*grantRow)(nil)).
		Set("access_expires_at = CASE WHEN access_expires_at > ? THEN access_expires_at ELSE ? END", expires, expires).
		Set("last_used_on = CASE WHEN last_used_on > ? THEN last_used_on ELSE ? END", today, today).
		Where("id = ?", grantID).Where("ended_at IS NULL").Exec(ctx)
	return orElse(ErrGrantEnded, result, err)
}

// Grant returns the grant, also one that has ended, or ErrNotFound.
func (r *Registry) Grant(ctx context.Context, id string) (Grant, error) {
	if err := checkText(id); err != nil {
		return Grant{}, err
	}
	var row grantRow
	err := r.run(ctx, "read grant", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	})
	return row.grant(), err
}

func (g *Grant) check() error {
	if g.AccessLifespan < 0 {
		return ErrInvalid
	}
	if err := checkIDs(g.ID, g.ClientID, g.Subject); err != nil {
		return err
	}
	if err := checkText(slices.Concat([]string{g.RedirectURI, g.Fingerprint}, g.Scopes, g.Resources)...); err != nil {
		return err
	}
	return checkTimes(g.CreatedAt)
}
