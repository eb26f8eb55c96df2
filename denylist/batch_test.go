package denylist

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// batchPatience is how long a test waits for what must happen; nothing takes that long unless it is broken.
const batchPatience = 20 * time.Second

// trips is a Redis whose round trips a test lets go one by one. Tokens whose id begins with "revoked" have an entry.
type trips struct {
	t     *testing.T
	began chan []string // the names of each trip
	let   chan error    // how the trip that began first ends
	epoch string
}

func newTrips(t *testing.T) (*trips, *batcher) {
	redis := &trips{t: t, began: make(chan []string), let: make(chan error), epoch: "/now"}
	b := newBatcher(redis.ask)
	return redis, b
}

func (r *trips) ask(names []string) ([]any, *instance, error) {
	r.began <- names
	if err := <-r.let; err != nil {
		return nil, nil, err
	}
	values := make([]any, len(names))
	for i, name := range names {
		if strings.HasPrefix(name, entryKey(Token, "revoked")) {
			values[i] = "1"
		}
	}
	if r.epoch != "" {
		values[0] = r.epoch
	}
	return values, &instance{}, nil
}

// next waits for a trip to begin and returns how many questions it asks.
func (r *trips) next() int {
	r.t.Helper()
	select {
	case names := <-r.began:
		require.Equal(r.t, epochKey, names[0], "each trip asks for the epoch")
		require.Zero(r.t, len(names[1:])%3)
		return len(names[1:]) / 3
	case <-time.After(batchPatience):
		require.FailNow(r.t, "no trip has begun")
		return 0
	}
}

// asking asks for a token in the background.
func asking(ctx context.Context, b *batcher, token string) <-chan error {
	answer := make(chan error, 1)
	go func() { answer <- b.check(ctx, Query{TokenID: token, GrantID: "g", ClientID: "c"}) }()
	return answer
}

func (b *batcher) awaitWaiting(t *testing.T, count int) {
	t.Helper()
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.waiting) == count
	}, batchPatience, 10*time.Microsecond)
}

func TestQuestionsThatWaitShareATripAndGetTheirOwnAnswers(t *testing.T) {
	const count = 50
	redis, b := newTrips(t)
	b.hurry.Stop()
	b.hurry = time.AfterFunc(time.Hour, func() {}) // nobody is in a hurry
	first := asking(t.Context(), b, "first")
	require.Equal(t, 1, redis.next(), "one that is alone is asked at once")
	answers := make(map[string]<-chan error)
	for i := range count {
		for _, token := range []string{"good" + strconv.Itoa(i), "revoked" + strconv.Itoa(i)} {
			answers[token] = asking(t.Context(), b, token)
		}
	}
	b.awaitWaiting(t, 2*count)
	redis.let <- nil
	require.NoError(t, <-first)
	require.Equal(t, 2*count, redis.next())
	redis.let <- nil
	for token, answer := range answers {
		if strings.HasPrefix(token, "revoked") {
			require.ErrorIs(t, <-answer, ErrRevoked, token)
		} else {
			require.NoError(t, <-answer, token)
		}
	}
	b.close()
}

func TestAFailedTripIsUnknownToAllThatShareIt(t *testing.T) {
	broken := errors.New("connection reset")
	for name, test := range map[string]struct {
		let         error
		epoch       string
		wantRevoked error
	}{
		"failed":        {broken, "/now", broken},
		"no epoch":      {nil, "", ErrRevoked},
		"another epoch": {nil, "elsewhere/now", ErrRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			redis, b := newTrips(t)
			redis.epoch = test.epoch
			first := asking(t.Context(), b, "first")
			redis.next()
			good, revoked := asking(t.Context(), b, "good"), asking(t.Context(), b, "revoked")
			trips := 1
			for asked := 0; asked < 2; trips++ { // they may have been in a hurry
				asked += redis.next()
			}
			for range trips {
				redis.let <- test.let
			}
			require.ErrorIs(t, <-first, ErrUnknown)
			require.ErrorIs(t, <-good, ErrUnknown)
			require.ErrorIs(t, <-revoked, test.wantRevoked)
			b.close()
		})
	}
}

func TestAQuestionIsInAHurryWhenATripTakesLong(t *testing.T) {
	redis, b := newTrips(t)
	first := asking(t.Context(), b, "first")
	require.Equal(t, 1, redis.next())
	second := asking(t.Context(), b, "second")
	require.Equal(t, 1, redis.next(), "the first has not come back")
	redis.let <- nil
	redis.let <- nil
	require.NoError(t, <-first)
	require.NoError(t, <-second)
	b.close()
}

func TestATripHasRoomForSoMany(t *testing.T) {
	redis, b := newTrips(t)
	b.hurry.Stop()
	b.hurry = time.AfterFunc(time.Hour, func() {})
	first := asking(t.Context(), b, "first")
	redis.next()
	var answers []<-chan error
	for range maxShare {
		answers = append(answers, asking(t.Context(), b, "good"))
	}
	require.Equal(t, maxShare, redis.next(), "a full one does not wait")
	redis.let <- nil
	redis.let <- nil
	for _, answer := range append(answers, first) {
		require.NoError(t, <-answer)
	}
	b.close()
}

func TestAQuestionMayBeGivenUp(t *testing.T) {
	redis, b := newTrips(t)
	ctx, cancel := context.WithCancel(t.Context())
	given := asking(ctx, b, "revoked")
	redis.next()
	cancel()
	err := <-given
	require.ErrorIs(t, err, ErrUnknown)
	require.ErrorIs(t, err, context.Canceled)
	redis.let <- nil
	// Its answer, which came too late, is nobody else's.
	for range 100 {
		answer := asking(t.Context(), b, "good")
		redis.next()
		redis.let <- nil
		require.NoError(t, <-answer)
	}
	b.close()
}

func TestClosingWaitsForTheTripsUnderWay(t *testing.T) {
	redis, b := newTrips(t)
	answer := asking(t.Context(), b, "good")
	redis.next()
	var closing sync.WaitGroup
	closing.Go(b.close)
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.closed
	}, batchPatience, time.Millisecond)
	require.ErrorIs(t, b.check(t.Context(), Query{TokenID: "t", ClientID: "c"}), ErrUnknown)
	redis.let <- errors.New("closed")
	require.ErrorIs(t, <-answer, ErrUnknown)
	closing.Wait()
}
