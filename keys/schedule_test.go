package keys_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

var schedule = keys.Schedule{RotateEvery: 30 * 24 * time.Hour, PublishAhead: 10 * time.Minute, Retain: 2 * time.Hour}

func ids(list []*keys.Key) []string {
	names := []string{}
	for _, key := range list {
		names = append(names, key.ID())
	}
	return names
}

func TestAKeyIsPublishedThenSignsThenVerifiesThenIsGone(t *testing.T) {
	first, second, third := newKey(t, keys.ES256), newKey(t, keys.ES256), newKey(t, keys.ES256)
	start := time.Unix(1_900_000_000, 0)
	scheduled := []keys.Scheduled{ // in no order
		{Key: third, SignsFrom: start.Add(20 * time.Hour), Retain: 5 * time.Hour},
		{Key: first, SignsFrom: start, Retain: 2 * time.Hour},
		{Key: second, SignsFrom: start.Add(10 * time.Hour), Retain: time.Hour},
	}
	for _, test := range []struct {
		at                time.Duration
		signing           *keys.Key
		published, absent []string
	}{
		{-time.Hour, first, []string{second.ID(), third.ID()}, []string{}},
		{0, first, []string{second.ID(), third.ID()}, []string{}},
		{10*time.Hour - 1, first, []string{second.ID(), third.ID()}, []string{}},
		{10 * time.Hour, second, []string{first.ID(), third.ID()}, []string{}},
		{12*time.Hour - 1, second, []string{first.ID(), third.ID()}, []string{}},
		{12 * time.Hour, second, []string{third.ID()}, []string{first.ID()}},
		{20 * time.Hour, third, []string{second.ID()}, []string{first.ID()}},
		{21 * time.Hour, third, []string{}, []string{first.ID(), second.ID()}},
		{9999 * time.Hour, third, []string{}, []string{first.ID(), second.ID()}},
	} {
		signing, published, gone := schedule.At(start.Add(test.at), scheduled)
		require.Equal(t, test.signing.ID(), signing.ID(), test.at)
		require.Equal(t, test.published, ids(published), test.at)
		require.Equal(t, test.absent, ids(gone), test.at)
	}

	signing, published, gone := schedule.At(start, nil)
	require.Nil(t, signing)
	require.Empty(t, published)
	require.Empty(t, gone)
}

func TestASuccessorIsDueInTimeToBePublishedAhead(t *testing.T) {
	start := time.Unix(1_900_000_000, 0)
	end := start.Add(schedule.RotateEvery)

	_, due := schedule.Due(end.Add(-schedule.PublishAhead-time.Nanosecond), start)
	require.False(t, due)
	signsFrom, due := schedule.Due(end.Add(-schedule.PublishAhead), start)
	require.True(t, due)
	require.Equal(t, end, signsFrom)

	late := end.Add(24 * time.Hour)
	signsFrom, due = schedule.Due(late, start)
	require.True(t, due)
	require.Equal(t, late.Add(schedule.PublishAhead), signsFrom, "nobody signs with a key that caches may not have yet")
	_, due = schedule.Due(late, signsFrom)
	require.False(t, due, "the successor is the newest now")
}
