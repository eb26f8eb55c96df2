package registry

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// What almost every exchange comes to, a code or a refresh token that is good and was not used before, is one statement on Postgres: a
// transaction of its own, in one round trip. It changes everything or nothing. When it changes nothing, the steps of redeem and
// rotate find out why, and decide.
//
// The parts of a statement lock their rows in the order in which those steps do: two that took them in different orders would wait for
// each other. Each part needs what the one before returns, and what is locked in vain is not written.

const redeemStatement = `
WITH code AS (
	SELECT hash, grant_id FROM codes WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 FOR NO KEY UPDATE
), live AS (
	SELECT code.hash, g.id FROM code JOIN grants AS g ON g.id = code.grant_id
	WHERE g.ended_at IS NULL AND ($5::text IS NULL OR $6::text IN ('', g.id)) FOR NO KEY UPDATE OF g
), used AS (
	UPDATE codes AS co SET used_at = $2 FROM live WHERE co.hash = live.hash
), raised AS (
	UPDATE grants AS g SET access_expires_at = greatest(g.access_expires_at, $3::timestamptz), last_used_on = greatest(g.last_used_on, $4::date)
	FROM live WHERE g.id = live.id
), stored AS (
	INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at, successor_hash, bound_to, predecessor_hash)
	SELECT $5, live.id, $7::timestamptz, $8::timestamptz, '', $9::text, '' FROM live WHERE $5 IS NOT NULL
)
SELECT id FROM live`

// rotateStatement locks the predecessor's row, too, whose answer it forgets.
const rotateStatement = `
WITH token AS (
	SELECT hash, grant_id, predecessor_hash FROM refresh_tokens WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 FOR NO KEY UPDATE
), before AS (
	SELECT rt.hash FROM token JOIN refresh_tokens AS rt ON rt.hash = token.predecessor_hash
	WHERE rt.answer_until IS NOT NULL FOR NO KEY UPDATE OF rt
), live AS (
	SELECT token.hash, g.id, before.hash AS before FROM token LEFT JOIN before ON TRUE JOIN grants AS g ON g.id = token.grant_id
	WHERE g.ended_at IS NULL AND $6::text IN ('', g.id) FOR NO KEY UPDATE OF g
), used AS (
	UPDATE refresh_tokens AS rt SET used_at = $2, successor_hash = $5, answer = $10::text, answer_for = $11::text, answer_until = $12::timestamptz
	FROM live WHERE rt.hash = live.hash
), forgotten AS (
	UPDATE refresh_tokens AS rt SET answer = NULL, answer_until = NULL FROM live WHERE rt.hash = live.before
), raised AS (
	UPDATE grants AS g SET access_expires_at = greatest(g.access_expires_at, $3::timestamptz), last_used_on = greatest(g.last_used_on, $4::date)
	FROM live WHERE g.id = live.id
), stored AS (
	INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at, successor_hash, bound_to, predecessor_hash)
	SELECT $5, live.id, $7::timestamptz, $8::timestamptz, '', $9::text, $1 FROM live
)
SELECT id FROM live`

// redeemPlanned reports whether it has redeemed the code.
func (r *Registry) redeemPlanned(ctx context.Context, hash string, first *RefreshToken, accessExpires time.Time) (bool, error) {
	now := r.clock()
	var t RefreshToken
	if first != nil {
		t = r.created(*first)
	}
	return r.exchange(ctx, "redeem code", redeemStatement, hash, now, accessExpires, dayOf(now),
		textOrNull(t.Hash), t.GrantID, t.CreatedAt, t.ExpiresAt, textOrNull(t.BoundTo))
}

// rotatePlanned reports whether it has rotated the refresh token.
func (r *Registry) rotatePlanned(ctx context.Context, hash string, rotation Rotation) (bool, error) {
	now, next, answer := r.clock(), r.created(rotation.Next), rotation.Answer
	var until sql.NullTime
	if answer.Sealed == "" {
		answer.For = ""
	} else {
		until = orNull(rotation.answerUntil(now))
	}
	return r.exchange(ctx, "rotate refresh token", rotateStatement, hash, now, answer.AcceptedUntil, dayOf(now),
		next.Hash, next.GrantID, next.CreatedAt, next.ExpiresAt, textOrNull(next.BoundTo), textOrNull(answer.Sealed), answer.For, until)
}

// exchange runs one of the statements, and reports whether it has changed anything. A hash that is taken changes nothing either.
func (r *Registry) exchange(ctx context.Context, what, statement string, args ...any) (bool, error) {
	err := r.run(ctx, what, func(ctx context.Context) error {
		return planned(ctx, r.db.DB, statement, args...).Scan(new(string))
	})
	var postgres *pgconn.PgError
	if errors.Is(err, ErrNotFound) || errors.As(err, &postgres) && postgres.Code == uniqueViolation {
		return false, nil
	}
	return err == nil, err
}

// textOrNull is a text for a column, null for the empty one.
func textOrNull(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }
