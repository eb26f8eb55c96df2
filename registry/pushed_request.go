package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// pushedRemoved is how many requests that nobody has begun may go at once to make room for another. More than one, because those that
// are stored at the same time do not see each other.
const pushedRemoved = 10

// PushAuthorizationRequest stores a request that its client has sent ahead (RFC 9126). It belongs to no browser until
// BeginPushedRequest; BrowserHash is ignored, and so is what CreateAuthorizationRequest ignores.
//
// What strangers send ahead is bounded: of those of one client that no browser has begun, about mostOfClient stay, and of those of all
// clients about most. The oldest go, expired or not: an application sends its user on at once, so that somebody who pushes without
// end, for a client that has no secret, keeps nobody else out. ErrExists when the ID is taken.
func (r *Registry) PushAuthorizationRequest(ctx context.Context, a AuthorizationRequest, mostOfClient, most int) error {
	if mostOfClient < 1 || most < 1 {
		return fmt.Errorf("%w: there must be room for a request", ErrInvalid)
	}
	a.BrowserHash = ""
	row, err := newRequestRow(a)
	if err != nil {
		return err
	}
	return r.inTx(ctx, "push authorization request", func(ctx context.Context, tx bun.Tx) error {
		if err := insertRequest(ctx, tx, row); err != nil {
			return err
		}
		ofClient := unbegunBefore(tx, a.ID, mostOfClient).Where("client_id = ?", a.ClientID)
		if err := r.removeUnbegun(ctx, tx, ofClient); err != nil {
			return err
		}
		return r.removeUnbegun(ctx, tx, unbegunBefore(tx, a.ID, most).Where("client_id > ''"))
	})
}

// unbegunBefore are the requests that no browser has begun, but for so many of the latest, of which the one with the ID is one.
func unbegunBefore(tx bun.Tx, id string, latest int) *bun.SelectQuery {
	return tx.NewSelect().Model((*authorizationRequestRow)(nil)).Column("id").Where("browser_hash = ''").Where("id <> ?", id).
		OrderBy("created_at", bun.OrderDesc).Offset(int64(latest - 1)).Limit(pushedRemoved)
}

func (r *Registry) removeUnbegun(ctx context.Context, tx bun.Tx, surplus *bun.SelectQuery) error {
	_, err := r.remove(ctx, tx, (*authorizationRequestRow)(nil), "id", pushedRemoved, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("id IN (?)", surplus).Where("browser_hash = ''")
	})
	return err
}

// BeginPushedRequest gives a request that was sent ahead to a browser, which has until then to decide. It is the one step in which
// that is used: under any interleaving at most one browser gets it, and for that one doing it again changes nothing. ErrRequestUsed
// when another browser has it, ErrExpired, ErrNotFound.
func (r *Registry) BeginPushedRequest(ctx context.Context, id, browserHash string, until time.Time) error {
	if err := errors.Join(checkIDs(id, browserHash), checkTimes(until)); err != nil {
		return err
	}
	return r.inTx(ctx, "begin pushed authorization request", func(ctx context.Context, tx bun.Tx) error {
		now := r.clock()
		result, err := tx.NewUpdate().Model((*authorizationRequestRow)(nil)).
			Set("browser_hash = ?", browserHash).Set("created_at = ?", now).Set("expires_at = ?", storable(until)).
			Where("id = ?", id).Where("browser_hash = ''").Where("expires_at > ?", now).Exec(ctx)
		if n, err := affected(result, err); err != nil || n == 1 {
			return err
		}
		var owner string
		err = tx.NewSelect().Model((*authorizationRequestRow)(nil)).Column("browser_hash").Where("id = ?", id).Scan(ctx, &owner)
		switch {
		case err != nil || owner == browserHash:
			return err
		case owner == "":
			return ErrExpired
		}
		return ErrRequestUsed
	})
}
