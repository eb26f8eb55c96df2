package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// ImportedAccess is an access token of another server together with its grant, whose
// ID is also its jti.
type ImportedAccess struct {
	ImportedToken
	Grant Grant
}

// importedAccessRow is a row of importedAccess.
type importedAccessRow struct {
	importedRow `bun:",extend"`
	ClientID    string    `bun:"client_id"`
	Subject     string    `bun:"subject"`
	Scopes      []string  `bun:"scopes"`
	RedirectURI string    `bun:"redirect_uri"`
	EndedAt     time.Time `bun:"ended_at,nullzero"`
}

func (row *importedAccessRow) access() ImportedAccess {
	return ImportedAccess{
		ImportedToken: ImportedToken{Hash: row.AccessHash, IssuedAt: row.AccessIssuedAt.UTC(), ExpiresAt: row.AccessExpiresAt.UTC()},
		Grant: Grant{
			ID: row.GrantID, ClientID: row.ClientID, Subject: row.Subject, Scopes: row.Scopes, RedirectURI: row.RedirectURI,
			AccessExpiresAt: row.AccessExpiresAt.UTC(), EndedAt: row.EndedAt.UTC(),
		},
	}
}

// importedAccess selects access tokens whose grant was not removed.
func importedAccess(db bun.IDB, rows any) *bun.SelectQuery {
	return db.NewSelect().Model(rows).
		Column("ig.grant_id", "ig.access_hash", "ig.access_issued_at", "ig.access_expires_at").
		Column("g.client_id", "g.subject", "g.scopes", "g.redirect_uri", "g.ended_at").
		Join("JOIN grants AS g ON g.id = ig.grant_id").
		Where("ig.access_hash IS NOT NULL")
}

// ImportedAccessToken looks an access token of another server up, also one that has
// expired or whose grant has ended. ErrNotFound.
func (r *Registry) ImportedAccessToken(ctx context.Context, hash string) (ImportedAccess, error) {
	if err := checkText(hash); err != nil {
		return ImportedAccess{}, err
	}
	var row importedAccessRow
	err := r.run(ctx, "read imported token", func(ctx context.Context) error {
		return importedAccess(r.db, &row).Where("ig.access_hash = ?", hash).Scan(ctx)
	})
	return row.access(), err
}

// ImportedAccessTokens returns up to limit access tokens that live, in the order of
// their hashes, after the given one: pass "" first, then the last of each page, until a
// page is empty.
func (r *Registry) ImportedAccessTokens(ctx context.Context, after string, limit int) ([]ImportedAccess, error) {
	return r.liveImported(ctx, after, limit, func(q *bun.SelectQuery) *bun.SelectQuery { return q })
}

// PendingImportedTokens returns those of them that gateways were not told of.
func (r *Registry) PendingImportedTokens(ctx context.Context, limit int) ([]ImportedAccess, error) {
	return r.liveImported(ctx, "", limit, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("NOT ig.delivered") })
}

func (r *Registry) liveImported(
	ctx context.Context, after string, limit int, which func(*bun.SelectQuery) *bun.SelectQuery,
) ([]ImportedAccess, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("%w: limit must be positive", ErrInvalid)
	}
	if err := checkText(after); err != nil {
		return nil, err
	}
	var rows []importedAccessRow
	err := r.run(ctx, "read imported tokens", func(ctx context.Context) error {
		return which(importedAccess(r.db, &rows)).Where("ig.access_hash > ?", after).
			Where("ig.access_expires_at > ?", r.clock()).Where("g.ended_at IS NULL").
			Order("ig.access_hash").Limit(int64(limit)).Scan(ctx)
	})
	tokens := make([]ImportedAccess, len(rows))
	for i := range rows {
		tokens[i] = rows[i].access()
	}
	return tokens, err
}

// MarkImportedDelivered notes that gateways can find the tokens with these hashes.
func (r *Registry) MarkImportedDelivered(ctx context.Context, hashes ...string) error {
	if err := checkText(hashes...); err != nil || len(hashes) == 0 {
		return err
	}
	return r.run(ctx, "mark imported tokens", func(ctx context.Context) error {
		_, err := r.db.NewUpdate().Model((*importedRow)(nil)).Set("delivered = TRUE").
			Where("access_hash IN (?)", bun.List(hashes)).Where("NOT delivered").Exec(ctx)
		return err
	})
}
