package registry_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

const (
	margin = time.Hour
	day    = 24 * time.Hour
)

func (w *world) purge() (removed int) {
	w.t.Helper()
	removed, err := w.Purge(w.ctx, margin, 100)
	require.NoError(w.t, err)
	return removed
}

func (w *world) count(table string) int {
	w.t.Helper()
	n, err := w.DB().NewSelect().Table(table).Count(w.ctx)
	require.NoError(w.t, err)
	return int(n)
}

// purgedRevocations: pending or delivered, they stay for the margin.
func purgedRevocations(t *testing.T, w *world) {
	for i := range 3 {
		require.NoError(t, w.RevokeToken(w.ctx, fmt.Sprint("jti", i), start.Add(time.Duration(i+1)*time.Hour)))
	}
	pending, err := w.PendingRevocations(w.ctx, 1)
	require.NoError(t, err)
	require.NoError(t, w.MarkDelivered(w.ctx, pending))
	w.Advance(time.Hour + margin)
	require.Zero(t, w.purge())
	w.Advance(time.Microsecond)
	require.Equal(t, 1, w.purge())
	require.False(t, w.revoked("jti0", "", ""))
	require.True(t, w.revoked("jti1", "", ""))
	w.Advance(2 * time.Hour)
	require.Equal(t, 2, w.purge())
	require.Zero(t, w.count("revocations"))
}

// purgedCodes: for a day after its expiry, the reuse of a code is noticed.
func purgedCodes(t *testing.T, w *world) {
	kept, _ := w.redeem()
	noticed, _ := w.redeem()
	w.Advance(codeLife + day + margin)
	require.Zero(t, w.purge())
	require.ErrorIs(t, w.RedeemCode(w.ctx, "code-"+noticed, nil, w.Now().Add(accessLife)), registry.ErrCodeUsed)
	w.Advance(time.Microsecond)
	require.Equal(t, 2, w.purge())
	require.ErrorIs(t, third(w.Code(w.ctx, "code-"+kept)), registry.ErrNotFound)
	require.NoError(t, w.rotate("refresh-"+kept, "next"), "the grant lives on without its code")
}

// purgedGrants: each with all that is theirs, when nothing of it lives.
func purgedGrants(t *testing.T, w *world) {
	access := func(life time.Duration) func(grantID, code string) {
		return func(_, code string) { require.NoError(t, w.RedeemCode(w.ctx, code, nil, start.Add(life))) }
	}
	refresh := func(life, accessLife time.Duration) func(grantID, code string) {
		return func(grantID, code string) {
			require.NoError(t, w.RedeemCode(w.ctx, code,
				&registry.RefreshToken{Hash: grantID, ExpiresAt: start.Add(life)}, start.Add(accessLife)))
		}
	}
	needed := map[string]time.Duration{}
	for _, c := range []struct {
		make   func(grantID, code string)
		needed time.Duration // after start
	}{
		{func(string, string) {}, codeLife + day},
		{access(time.Minute), codeLife + day},
		{access(100 * day), 100 * day},
		{refresh(30*day, day), 30 * day},
		{refresh(30*day, 365*day), 365 * day},
		{func(grantID, code string) { // rotated once: the used token lives no longer than the successor
			refresh(30*day, day)(grantID, code)
			require.NoError(t, rotate(w.Registry, grantID,
				registry.RefreshToken{Hash: grantID + "-next", ExpiresAt: start.Add(20 * day)}, grace, start.Add(day)))
		}, 20 * day},
		{func(grantID, code string) {
			refresh(30*day, 365*day)(grantID, code)
			require.NoError(t, w.EndGrant(w.ctx, grantID, "user"))
		}, 0},
	} {
		grantID, code := w.authorize()
		c.make(grantID, code)
		needed[grantID] = c.needed
	}
	left := func() (ids []string) {
		require.NoError(t, w.DB().NewSelect().Table("grants").Column("id").Scan(w.ctx, &ids))
		return ids
	}
	for _, at := range []time.Duration{0, codeLife + day, 2 * day, 20 * day, 30 * day, 99 * day, 100 * day, 365 * day} {
		for _, after := range []time.Duration{0, time.Microsecond} {
			w.Set(start.Add(at + margin + after))
			w.purge()
			var want []string
			for id, until := range needed {
				if until >= at+after {
					want = append(want, id)
				}
			}
			require.ElementsMatch(t, want, left(), "%v + %v", at, after)
			if at < 365*day {
				require.True(t, w.revoked("", "g7", ""), "its access token lives")
			}
		}
	}
	for _, table := range []string{"grants", "codes", "refresh_tokens", "revocations"} {
		require.Zero(t, w.count(table), table)
	}
}

// purgedChain: a grant that is used for years does not grow for years.
func purgedChain(t *testing.T, w *world) {
	grantID, last := w.redeem()
	rotate := func(i int) {
		next := fmt.Sprint("link", i)
		require.NoError(t, w.rotate(last, next))
		last = next
	}
	used := last
	for i := range 120 {
		w.Advance(day)
		rotate(i)
		removed, err := w.Purge(w.ctx, margin, 3)
		require.NoError(t, err)
		require.LessOrEqual(t, w.count("refresh_tokens"), 2*int(refreshLife/day)+2, "after %d days, %d removed", i, removed)
	}
	_, _, err := w.RefreshToken(w.ctx, used)
	require.ErrorIs(t, err, registry.ErrNotFound)
	require.ErrorIs(t, w.rotate(used, "late"), registry.ErrNotFound)
	for i := range 30 { // what has not expired is known, so that its second use is
		_, _, err := w.RefreshToken(w.ctx, fmt.Sprint("link", 119-i))
		require.NoError(t, err)
	}
	require.ErrorIs(t, w.rotate("link95", "thief's"), registry.ErrRefreshReused)
	require.True(t, w.revoked("", grantID, ""))
}

// purgedAfterTheEnd: purging had seen the grant alive, and gave it a month.
func purgedAfterTheEnd(t *testing.T, w *world) {
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "other"}))
	require.NoError(t, w.Authorize(w.ctx, registry.Grant{ID: "denied", ClientID: "other", Subject: "ann"},
		registry.Code{Hash: "denied", ExpiresAt: start.Add(codeLife)}))
	first := w.token("denied")
	require.NoError(t, w.RedeemCode(w.ctx, "denied", &first, start.Add(accessLife)))
	w.redeem()
	w.redeem()
	w.Advance(2 * margin)
	require.Zero(t, w.purge())
	require.NoError(t, w.EndGrant(w.ctx, "g1", "user"))
	require.NoError(t, w.DeleteClient(w.ctx, "other", w.Now().Add(accessLife)))
	w.Advance(margin)
	require.Zero(t, w.purge())
	w.Advance(time.Microsecond)
	require.Equal(t, 6, w.purge(), "two grants, with code and refresh token")
	require.Equal(t, 1, w.count("grants"))
	require.True(t, w.revoked("", "denied", "other"))
}

// purgedInBatches: no statement of a batch removes more than the limit.
func purgedInBatches(t *testing.T, w *world) {
	for i := range 12 {
		require.NoError(t, w.RevokeToken(w.ctx, fmt.Sprint("jti", i), start.Add(time.Hour)))
	}
	for range 12 {
		w.authorize()
	}
	_, last := w.redeem()
	for i := range 12 {
		next := fmt.Sprint("next", i)
		require.NoError(t, w.rotate(last, next))
		last = next
	}
	total := 12 + 13*2 + 13
	w.Advance(400 * day)

	watch := &deletions{}
	removed, err := w.WithQueryHook(watch).Purge(w.ctx, margin, 5)
	require.NoError(t, err)
	require.Equal(t, total, removed)
	require.Equal(t, int64(total), watch.rows)
	require.LessOrEqual(t, watch.most, int64(5))
	require.Zero(t, w.purge())
}

// deletions watches what each statement deletes.
type deletions struct {
	rows, most int64
	after      func()
}

func (*deletions) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (d *deletions) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	if event.Result == nil || !strings.Contains(event.Query, "DELETE FROM") {
		return
	}
	n, err := event.Result.RowsAffected()
	if err != nil {
		return
	}
	d.rows, d.most = d.rows+n, max(d.most, n)
	if d.after != nil {
		d.after()
	}
}

// purgeCancelled: what was removed before is said, and stays removed.
func purgeCancelled(t *testing.T, w *world) {
	for i := range 30 {
		require.NoError(t, w.RevokeToken(w.ctx, fmt.Sprint("jti", i), start.Add(time.Hour)))
	}
	w.Advance(day)
	ctx, cancel := context.WithCancel(w.ctx)
	watch := &deletions{}
	watch.after = func() {
		if watch.rows == 20 {
			cancel()
		}
	}
	removed, err := w.WithQueryHook(watch).Purge(ctx, margin, 10)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 30-removed, w.count("revocations"))
	require.Less(t, removed, 30)
	left := 30 - removed
	require.Eventually(t, func() bool {
		left -= w.purge()
		return left <= 0
	}, time.Minute, time.Millisecond, "the database may take a while to let go of what the cancelled purge held")
	require.Zero(t, left)
}

// purgedAtOnce: replicas that all purge, in batches that cannot hold a chain.
func purgedAtOnce(t *testing.T, w *world) {
	for i := range 8 {
		_, last := w.redeem()
		for j := range 3 {
			next := fmt.Sprint("next", i, "-", j)
			require.NoError(t, w.rotate(last, next))
			last = next
		}
		require.NoError(t, w.RevokeToken(w.ctx, fmt.Sprint("jti", i), start.Add(time.Hour)))
	}
	w.Advance(2 * refreshLife)
	removed := make([]int, 5)
	for _, err := range registrytest.Race(len(removed), func(i int) (err error) {
		removed[i], err = w.Purge(w.ctx, margin, 3)
		return err
	}) {
		require.NoError(t, err)
	}
	total := w.purge()
	for _, n := range removed {
		total += n
	}
	require.Equal(t, 8*(1+1+4+1), total)
}

// purgedAgainstTraffic: everything is about to expire, and nothing is lost.
func purgedAgainstTraffic(t *testing.T, w *world) {
	var refresh, codes []string
	for range 10 {
		_, hash := w.redeem()
		refresh = append(refresh, hash)
	}
	w.Advance(refreshLife - time.Microsecond)
	for range 10 {
		grantID, hash := w.authorize()
		refresh, codes = append(refresh, "refresh-"+grantID), append(codes, hash)
	}
	for _, err := range registrytest.Race(30, func(i int) error {
		switch {
		case i < 10:
			return w.rotate(refresh[i], "next-"+refresh[i])
		case i < 20:
			first := w.token(refresh[i])
			return w.RedeemCode(w.ctx, codes[i-10], &first, w.Now().Add(accessLife))
		}
		return second(w.Purge(w.ctx, 0, 3))
	}) {
		require.NoError(t, err)
	}
	require.Equal(t, 20, w.count("grants"))
	for i, hash := range refresh {
		if i < 10 {
			hash = "next-" + hash
		}
		require.NoError(t, w.rotate(hash, "more-"+hash))
	}
}

// TestPurgeWaitsForNobody: what another transaction holds, and its locks on the
// tables, do not keep the rest from being removed.
func TestPurgeWaitsForNobody(t *testing.T) {
	t.Parallel()
	url, c := registrytest.Postgres(t), newClock()
	r := open(t, url, registry.WithNow(c.Now), registry.WithTimeout(10*time.Second))
	w := newWorld(t, r, c)
	for i := range 4 {
		w.redeem()
		require.NoError(t, w.RevokeToken(w.ctx, fmt.Sprint("jti", i), start.Add(time.Hour)))
	}
	w.Advance(2 * refreshLife)

	tx, err := connect(t, url).DB().BeginTx(t.Context(), nil)
	require.NoError(t, err)
	for _, statement := range []string{
		"LOCK TABLE clients, grants, codes, refresh_tokens, revocations IN ROW EXCLUSIVE MODE",
		"SELECT 1 FROM revocations WHERE id = 'jti0' FOR KEY SHARE",
		"SELECT 1 FROM codes WHERE hash = 'code-g1' FOR KEY SHARE",
		"SELECT 1 FROM refresh_tokens WHERE hash = 'refresh-g2' FOR KEY SHARE",
		"SELECT 1 FROM grants WHERE id = 'g3' FOR KEY SHARE",
	} {
		_, err := tx.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	removed, err := r.Purge(w.ctx, margin, 100)
	require.NoError(t, err)
	require.Equal(t, 3+3+(1+0+2), removed, "revocations, codes, and what else is of g1, g2 and g4")
	removed, err = r.Purge(w.ctx, margin, 1)
	require.NoError(t, err)
	require.Zero(t, removed, "a full batch of what others hold is no reason to go on")
	require.NoError(t, tx.Rollback())
	w.purge()
	for _, table := range []string{"grants", "codes", "refresh_tokens", "revocations"} {
		require.Zero(t, w.count(table), table)
	}
}
