package lastused_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/internal/authztest"
	"gatehouse/authz/lastused"
	"gatehouse/denylist"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// grants makes grants that were used when they were made.
func grants(t *testing.T, stored *registry.Registry, clock *registrytest.Clock, count int) {
	t.Helper()
	require.NoError(t, stored.CreateClient(t.Context(), registry.Client{ID: "app"}))
	for i := range count {
		id := fmt.Sprint("grant-", i)
		_, err := stored.Authorize(t.Context(), registry.Grant{ID: id, ClientID: "app", Subject: id},
			registry.Code{Hash: id, ExpiresAt: clock.Now().Add(time.Hour)}, 50)
		require.NoError(t, err)
		require.NoError(t, stored.RedeemCode(t.Context(), id, nil, clock.Now().Add(time.Hour)))
	}
}

// TestWhatGatewaysReportIsRecorded: by one of two, with more than one statement takes, and again after Redis was away.
func TestWhatGatewaysReportIsRecorded(t *testing.T) {
	clock := authztest.NewClock()
	stored := authztest.NewRegistry(t, clock)
	uses, redis := authztest.NewDenylist(t, clock)
	const many = 501
	grants(t, stored, clock, many)
	lastUsedOn := func(id string) time.Time {
		grant, err := stored.Grant(t.Context(), id)
		require.NoError(t, err)
		return grant.LastUsedOn
	}
	report := func(from, to int, on denylist.Day) {
		var batch []denylist.Use
		for i := from; i < to; i++ {
			batch = append(batch, denylist.Use{GrantID: fmt.Sprint("grant-", i), On: on})
		}
		require.NoError(t, uses.ReportUses(t.Context(), batch...))
	}
	today := denylist.DayOf(clock.Now())
	report(0, many, today+1)
	report(5000, 5010, today) // which have been purged
	recorder := &lastused.Recorder{Registry: stored, Uses: uses}
	require.NoError(t, recorder.Record(t.Context()))
	for _, i := range []int{0, 499, many - 1} {
		require.Equal(t, (today + 1).Time(), lastUsedOn(fmt.Sprint("grant-", i)))
	}
	left, err := uses.Uses(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Empty(t, left)

	log := &authztest.Log{}
	for range 2 {
		each := &lastused.Recorder{Registry: stored, Uses: uses, Interval: 10 * time.Millisecond, Log: slog.New(slog.NewTextHandler(log, nil))}
		authztest.Run(t, each.Run)
	}
	redis.SetError("LOADING")
	log.Await(t, "cannot be recorded")
	redis.SetError("")
	report(0, 2, today+2)
	require.Eventually(t, func() bool {
		redis.FastForward(10 * time.Millisecond) // it has no clock
		return lastUsedOn("grant-0").Equal((today + 2).Time()) && lastUsedOn("grant-1").Equal((today + 2).Time())
	}, 30*time.Second, 5*time.Millisecond)
	log.Await(t, "recorded again")
}

// TestWhatCannotBeRecordedWaits in Redis.
func TestWhatCannotBeRecordedWaits(t *testing.T) {
	clock := authztest.NewClock()
	stored := authztest.NewRegistry(t, clock)
	uses, _ := authztest.NewDenylist(t, clock)
	require.NoError(t, uses.ReportUses(t.Context(), denylist.Use{GrantID: "grant-0", On: 1}))
	require.NoError(t, stored.Close())
	require.Error(t, (&lastused.Recorder{Registry: stored, Uses: uses}).Record(t.Context()))
	left, err := uses.Uses(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// TestAGrantThatSomebodyChangesIsRecordedLater, and keeps no other waiting.
func TestAGrantThatSomebodyChangesIsRecordedLater(t *testing.T) {
	clock := authztest.NewClock()
	url := registrytest.Postgres(t)
	stored, err := registry.Open(t.Context(), url, registry.WithNow(clock.Now))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stored.Close()) })
	require.NoError(t, stored.Migrate(t.Context()))
	grants(t, stored, clock, 2)
	other, err := sql.Open("pgx", url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	change, err := other.Begin()
	require.NoError(t, err)
	t.Cleanup(func() { _ = change.Rollback() }) // of a test that has failed: the schema cannot be dropped before
	_, err = change.Exec("SELECT id FROM grants WHERE id = 'grant-0' FOR UPDATE")
	require.NoError(t, err)

	uses, _ := authztest.NewDenylist(t, clock)
	tomorrow := denylist.DayOf(clock.Now()) + 1
	require.NoError(t, uses.ReportUses(t.Context(), denylist.Use{GrantID: "grant-0", On: tomorrow}, denylist.Use{GrantID: "grant-1", On: tomorrow}))
	recorder := &lastused.Recorder{Registry: stored, Uses: uses}
	waiting := func() (ids []string) {
		require.NoError(t, recorder.Record(t.Context()))
		left, err := uses.Uses(t.Context(), 0, 10)
		require.NoError(t, err)
		for _, use := range left {
			grant, err := stored.Grant(t.Context(), use.GrantID)
			require.NoError(t, err)
			require.NotEqual(t, tomorrow.Time(), grant.LastUsedOn)
			ids = append(ids, use.GrantID)
		}
		return ids
	}
	require.Equal(t, []string{"grant-0"}, waiting())
	require.NoError(t, change.Rollback())
	require.Empty(t, waiting())
	for _, id := range []string{"grant-0", "grant-1"} {
		grant, err := stored.Grant(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, tomorrow.Time(), grant.LastUsedOn)
	}
}
