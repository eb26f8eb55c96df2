package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

var usualGrace = registry.Grace{Lasts: 24 * time.Hour, Late: 10 * time.Second, Replays: 3}

// use rotates with an answer that is fresh for an hour.
func (w *world) use(hash, next, answer, forWhat string) (registry.Replay, error) {
	return w.RotateRefresh(w.ctx, hash, registry.Rotation{
		Next: w.token(next), Grace: usualGrace,
		Answer: registry.Answer{
			Sealed: answer, For: forWhat, FreshUntil: w.Now().Add(time.Hour), AcceptedUntil: w.Now().Add(accessLife),
		},
	})
}

func (w *world) answers() (sealed []string) {
	w.t.Helper()
	require.NoError(w.t, w.DB().NewRaw("SELECT answer FROM refresh_tokens WHERE answer IS NOT NULL ORDER BY answer").Scan(w.ctx, &sealed))
	return sealed
}

func refreshReplayed(t *testing.T, w *world) {
	_, hash := w.redeem()
	replay, err := w.use(hash, "second", "answer 1", "a b")
	require.NoError(t, err)
	require.Zero(t, replay)
	expires := w.grant("code-g1").AccessExpiresAt

	w.Advance(9 * time.Second)
	replay, err = w.use(hash, "second", "answer 2", "a b")
	require.NoError(t, err)
	require.Equal(t, registry.Replay{Count: 1, Sealed: "answer 1"}, replay)
	require.Equal(t, expires, w.grant("code-g1").AccessExpiresAt, "nothing was minted")
	replay, err = w.use(hash, "second", "answer 3", "a")
	require.NoError(t, err)
	require.Equal(t, registry.Replay{Count: 2}, replay, "another question")
	require.Equal(t, []string{"answer 3"}, w.answers())
	require.Equal(t, stored(w.Now().Add(accessLife)), w.grant("code-g1").AccessExpiresAt)

	w.Advance(time.Hour)
	replay, err = w.use(hash, "second", "answer 4", "a")
	require.NoError(t, err)
	require.Equal(t, registry.Replay{Count: 3, Late: true}, replay, "it is not fresh any more")
	require.Equal(t, []string{"answer 4"}, w.answers())
	require.Equal(t, stored(w.Now().Add(accessLife)), w.grant("code-g1").AccessExpiresAt)

	_, err = w.use("second", "third", "answer 5", "a")
	require.NoError(t, err)
	require.Equal(t, []string{"answer 5"}, w.answers(), "the answer before is known to have arrived")
	w.Advance(time.Hour + margin)
	require.NoError(t, second(w.Purge(w.ctx, margin, 100)))
	require.NotEmpty(t, w.answers())
	w.Advance(time.Microsecond)
	require.NoError(t, second(w.Purge(w.ctx, margin, 100)))
	require.Empty(t, w.answers(), "it is kept for as long as it is fresh")
	w.Advance(accessLife + 24*time.Hour)

	_, hash = w.redeem()
	for i := range 1 + usualGrace.Replays {
		_, err := w.use(hash, "bounded", "answer", "a")
		require.NoError(t, err, i)
	}
	_, err = w.use(hash, "bounded", "answer", "a")
	require.ErrorIs(t, err, registry.ErrRefreshReused, "replays are bounded")
	require.Equal(t, "refresh_reused", w.grant("code-g2").EndReason)

	grantID, hash := w.redeem()
	require.NoError(t, second(w.use(hash, "ended", "answer", "a")))
	require.NoError(t, w.EndGrant(w.ctx, grantID, "user"))
	_, err = w.use(hash, "ended", "answer", "a")
	require.ErrorIs(t, err, registry.ErrGrantEnded, "grace does not outlive the grant")
}

func refreshReplayedAtOnce(t *testing.T, w *world) {
	_, hash := w.redeem()
	replays := make([]registry.Replay, usualGrace.Replays+1)
	for _, err := range registrytest.Race(len(replays), func(i int) (err error) {
		replays[i], err = w.use(hash, "next", fmt.Sprint("answer ", i), "a")
		return err
	}) {
		require.NoError(t, err)
	}
	given, counts := map[string]bool{}, map[int]bool{}
	for i, replay := range replays {
		counts[replay.Count] = true
		if replay.Sealed == "" {
			require.Zero(t, replay.Count)
			replay.Sealed = fmt.Sprint("answer ", i)
		}
		given[replay.Sealed] = true
	}
	require.Len(t, given, 1, "all get the same")
	require.Len(t, counts, len(replays))
}

// refreshReplayedLate: a client's answer may get lost, but not those to two refresh
// tokens on end. Somebody who uses each of them after the client does is noticed.
func refreshReplayedLate(t *testing.T, w *world) {
	_, hash := w.redeem()
	use := func(hash, next string) (registry.Replay, error) { return w.use(hash, next, "answer", "a") }
	chain := []string{hash, "second", "third", "fourth"}
	for i := range 2 {
		require.NoError(t, second(use(chain[i], chain[i+1])))
		replay, err := use(chain[i], chain[i+1])
		require.NoError(t, err)
		require.False(t, replay.Late, "requests that raced")
	}
	w.Advance(23 * time.Hour)
	replay, err := use(chain[1], chain[2])
	require.NoError(t, err, "the laptop slept")
	require.True(t, replay.Late)
	require.NoError(t, second(use(chain[2], chain[3])))
	w.Advance(9 * time.Second)
	require.NoError(t, second(use(chain[2], chain[3])), "it raced")
	w.Advance(time.Hour)
	_, err = use(chain[2], chain[3])
	require.ErrorIs(t, err, registry.ErrRefreshReused)
	require.Equal(t, "refresh_reused", w.grant("code-g1").EndReason)
}
