package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Clients that register themselves (RFC 7591) are strangers', as those of metadata documents are. What strangers can store is
// bounded: one that no user has allowed anything gives way to newer ones, and Purge removes those without a grant.

const (
	// registrationFresh is how long a client that has registered itself is left alone by those that come after it.
	registrationFresh = time.Hour
	// keptAtLeast is how long Purge does not look again at such a client that has a grant.
	keptAtLeast = 24 * time.Hour
)

// Registration is what a client that has registered itself has beside what Client says.
type Registration struct {
	ClientID  string    `bun:"client_id,pk"`
	TokenHash string    `bun:"token_hash"` // of the token with which it manages itself
	Metadata  string    `bun:"metadata"`   // what else it says about itself; opaque here
	CreatedAt time.Time `bun:"created_at"`
	UsedAt    time.Time `bun:"used_at,nullzero"` // when a user allowed it something first; zero: nobody has
}

type registrationRow struct {
	bun.BaseModel `bun:"table:registrations,alias:reg"`
	Registration
}

// Register stores a client that registers itself, with its Fingerprint and until when it is kept without a grant (KeptUntil). What
// the registration says of the client and of times is ignored, and so are the client's other times.
//
// At most most clients that have registered themselves were never allowed anything: for one more, the oldest of them goes that was
// registered an hour ago or earlier. ErrNoRoom when there is none so old, so that nobody pushes out what others have just registered.
// ErrExists when the ID is taken.
func (r *Registry) Register(ctx context.Context, c Client, registration Registration, most int) error {
	c.CreatedAt = r.clock()
	c.UpdatedAt, c.DisabledAt, c.KeptUntil = c.CreatedAt, time.Time{}, storable(c.KeptUntil)
	registration.ClientID, registration.CreatedAt, registration.UsedAt = c.ID, c.CreatedAt, time.Time{}
	err := errors.Join(c.check(), checkIDs(c.Fingerprint, registration.TokenHash), checkText(registration.Metadata))
	switch {
	case err != nil:
		return err
	case !c.KeptUntil.After(c.CreatedAt):
		return fmt.Errorf("%w: a client has to be kept for a while", ErrInvalid)
	case most < 1:
		return fmt.Errorf("%w: there may be at least one client", ErrInvalid)
	}
	return r.inTx(ctx, "register client", func(ctx context.Context, tx bun.Tx) error {
		if err := r.makeRoomForRegistration(ctx, tx, most); err != nil {
			return err
		}
		result, err := tx.NewInsert().Model(&clientRow{Client: c}).On("CONFLICT (id) DO NOTHING").Returning("NULL").Exec(ctx)
		if err := orElse(ErrExists, result, err); err != nil {
			return err
		}
		_, err = tx.NewInsert().Model(&registrationRow{Registration: registration}).Returning("NULL").Exec(ctx)
		return err
	})
}

// registrationLock is the Postgres advisory lock of those who register, so that each counts the ones before it.
const registrationLock = 0x72656769 // "regi"

func (r *Registry) makeRoomForRegistration(ctx context.Context, tx bun.Tx, most int) error {
	if r.onPostgres() {
		if _, err := tx.NewRaw("SELECT pg_advisory_xact_lock(?, hashtext(current_schema()))", registrationLock).Exec(ctx); err != nil {
			return err
		}
	}
	unused, err := tx.NewSelect().TableExpr("(?) AS unused", tx.NewSelect().Model((*registrationRow)(nil)).
		ColumnExpr("1").Where("used_at IS NULL").Limit(int64(most))).Count(ctx)
	if err != nil || int(unused) < most {
		return err
	}
	var oldest string
	err = r.locking(tx.NewSelect().Model((*clientRow)(nil)), "UPDATE OF c SKIP LOCKED").Column("c.id").
		Join("JOIN registrations AS reg ON reg.client_id = c.id").
		Where("reg.used_at IS NULL").Where("reg.created_at <= ?", r.clock().Add(-registrationFresh)).
		Order("reg.created_at").Limit(1).Scan(ctx, &oldest)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoRoom
	}
	if err != nil {
		return err
	}
	// Asked again, now that the row is locked: a user may have allowed it something in between.
	result, err := tx.NewDelete().Model((*clientRow)(nil)).Where("id = ?", oldest).
		Where("EXISTS (SELECT 1 FROM registrations WHERE client_id = c.id AND used_at IS NULL)").Exec(ctx)
	return orElse(ErrNoRoom, result, err)
}

// Registration returns a client that has registered itself, or ErrNotFound when there is none that can be used.
func (r *Registry) Registration(ctx context.Context, id string) (Client, Registration, error) {
	if err := checkText(id); err != nil {
		return Client{}, Registration{}, err
	}
	var client clientRow
	var row registrationRow
	err := r.run(ctx, "read registration", func(ctx context.Context) error {
		err := r.db.NewSelect().Model(&client).ApplyQueryBuilder(hasRegistered(id)).Scan(ctx)
		if err != nil {
			return err
		}
		return r.db.NewSelect().Model(&row).Where("client_id = ?", id).Scan(ctx)
	})
	row.CreatedAt, row.UsedAt = row.CreatedAt.UTC(), row.UsedAt.UTC()
	return client.client(), row.Registration, err
}

// hasRegistered are the conditions of a client that has registered itself and can be used.
func hasRegistered(id string) func(bun.QueryBuilder) bun.QueryBuilder {
	return func(q bun.QueryBuilder) bun.QueryBuilder {
		return q.Where("id = ?", id).Where("kept_until IS NOT NULL").Where("deleted_at IS NULL").Where("disabled_at IS NULL")
	}
}

// UpdateRegistration replaces what a client that has registered itself says about itself, its keys among it. Whether it has a secret, and
// which, and its times, stay as they are. ErrNotFound when there is none that can be used.
func (r *Registry) UpdateRegistration(ctx context.Context, c Client, metadata string) error {
	c.CreatedAt, c.UpdatedAt = r.clock(), r.clock()
	if err := errors.Join(c.check(), checkIDs(c.Fingerprint), checkText(metadata)); err != nil {
		return err
	}
	return r.inTx(ctx, "update registration", func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewUpdate().Model(&clientRow{Client: c}).
			Column("name", "url", "redirect_uris", "scopes", "grant_types", "dpop_bound", "pushed_only", "jwks", "jwks_uri", "signing_alg",
				"fingerprint", "updated_at").
			ApplyQueryBuilder(hasRegistered(c.ID)).Exec(ctx)
		if err := orElse(ErrNotFound, result, err); err != nil {
			return err
		}
		_, err = tx.NewUpdate().Model((*registrationRow)(nil)).Set("metadata = ?", metadata).Where("client_id = ?", c.ID).Exec(ctx)
		return err
	})
}

// KeepRegisteredClient notes that the subject allows something to a client that has registered itself, which is kept at least until
// then; Authorize makes the grant afterwards. ErrNotFound when there is none that can be used. ErrNoRoom when the subject has live
// grants to most others that nobody has registered.
func (r *Registry) KeepRegisteredClient(ctx context.Context, id, subject string, until time.Time, most int) error {
	if err := errors.Join(checkIDs(id, subject), checkTimes(until)); err != nil {
		return err
	}
	return r.inTx(ctx, "keep registered client", func(ctx context.Context, tx bun.Tx) error {
		if err := roomForStranger(ctx, tx, subject, id, most); err != nil {
			return err
		}
		var row clientRow
		err := r.locking(tx.NewSelect().Model(&row), "NO KEY UPDATE").ApplyQueryBuilder(hasRegistered(id)).Scan(ctx)
		if err != nil {
			return err
		}
		if until.Sub(row.KeptUntil) >= documentFresh {
			if _, err := tx.NewUpdate().Model((*clientRow)(nil)).Set("kept_until = ?", storable(until)).Where("id = ?", id).Exec(ctx); err != nil {
				return err
			}
		}
		_, err = tx.NewUpdate().Model((*registrationRow)(nil)).Set("used_at = ?", r.clock()).
			Where("client_id = ?", id).Where("used_at IS NULL").Exec(ctx)
		return err
	})
}

// Unregister removes a client that has registered itself. Where it had grants, those end as they do with DeleteClient, and one
// revocation covers its tokens for as long as they live; revoked says that there is one. ErrNotFound when there is none that can be
// used.
func (r *Registry) Unregister(ctx context.Context, id string) (revoked bool, err error) {
	if err := checkText(id); err != nil {
		return false, err
	}
	err = r.inTx(ctx, "unregister client", func(ctx context.Context, tx bun.Tx) error {
		revoked = false
		err := r.locking(tx.NewSelect().Model((*clientRow)(nil)), "UPDATE").Column("id").
			ApplyQueryBuilder(hasRegistered(id)).Scan(ctx, new(string))
		if err != nil {
			return err
		}
		var tokens struct {
			Grants int       `bun:"grants"`
			Until  time.Time `bun:"until"`
		}
		err = tx.NewSelect().Model((*grantRow)(nil)).ColumnExpr("count(*) AS grants").ColumnExpr("max(access_expires_at) AS until").
			Where("client_id = ?", id).Scan(ctx, &tokens)
		switch {
		case err != nil:
			return err
		case tokens.Grants == 0: // nothing is left of what nobody has used
			_, err := tx.NewDelete().Model((*clientRow)(nil)).Where("id = ?", id).Exec(ctx)
			return err
		}
		if _, err := tx.NewUpdate().Model((*clientRow)(nil)).Set("deleted_at = ?", r.clock()).Where("id = ?", id).Exec(ctx); err != nil {
			return err
		}
		if _, _, err := r.endOfClient(ctx, tx, id, clientDeleted); err != nil || !tokens.Until.After(r.clock()) {
			return err
		}
		revoked = true
		_, err = r.revoke(ctx, tx, Revocation{Kind: KindClient, ID: id, ExpiresAt: tokens.Until})
		return err
	})
	return revoked && err == nil, err
}

// purgeRegistered removes clients that have registered themselves and have no grant, deleted and disabled ones, too: no other client
// comes to have such an ID. Those that have a grant are not looked at again for a day.
func (r *Registry) purgeRegistered(
	ctx context.Context, tx bun.Tx, before time.Time, limit int,
) (removed int, more bool, err error) {
	var due []struct {
		ID       string `bun:"id"`
		HasGrant bool   `bun:"has_grant"`
	}
	err = r.locking(tx.NewSelect().Model((*clientRow)(nil)), "UPDATE OF c SKIP LOCKED").Column("c.id").
		ColumnExpr("EXISTS (SELECT 1 FROM grants WHERE client_id = c.id) AS has_grant").
		Where("c.kept_until < ?", before).Order("c.kept_until").Limit(int64(limit)).Scan(ctx, &due)
	if err != nil {
		return 0, false, err
	}
	var kept, over []string
	for _, c := range due {
		if c.HasGrant {
			kept = append(kept, c.ID)
		} else {
			over = append(over, c.ID)
		}
	}
	if len(kept) > 0 {
		_, err := tx.NewUpdate().Model((*clientRow)(nil)).Set("kept_until = ?", r.clock().Add(keptAtLeast)).Where("id IN (?)", bun.List(kept)).Exec(ctx)
		if err != nil {
			return 0, false, err
		}
	}
	if len(over) > 0 {
		removed, err = affected(tx.NewDelete().Model((*clientRow)(nil)).Where("id IN (?)", bun.List(over)).Exec(ctx))
	}
	return removed, len(due) == limit, err
}
