package denylist

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// trips is a Redis whose round trips a test lets go one by one. Tokens whose id begins with "revoked" have an entry.
type trips struct {
	t     *testing.T
	began chan []string // the names of each trip
	let   chan error    // how the trip that began first ends
	epoch string
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
	by := &instance{}
	by.known.Store(&identity{process: "here", history: "of its own"})
	return values, by, nil
}

// next is how many questions the trip asks that begins now; 0 when none does.
func (r *trips) next() int {
	r.t.Helper()
	synctest.Wait()
	select {
	case names := <-r.began:
		require.Equal(r.t, epochKey, names[0], "each trip asks for the epoch")
		require.Zero(r.t, len(names[1:])%3)
		return len(names[1:]) / 3
	default:
		return 0
	}
}

// asking asks for a token in the background.
func asking(ctx context.Context, b *batcher, token string) <-chan error {
	answer := make(chan error, 1)
	go func() { answer <- b.check(ctx, Query{TokenID: token, GrantID: "g", ClientID: "c"}) }()
	return answer
}

// inBubble runs a test of a batcher in a time of its own, which stands still unless the test sleeps.
func inBubble(t *testing.T, test func(t *testing.T, redis *trips, b *batcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		redis := &trips{t: t, began: make(chan []string), let: make(chan error), epoch: "/now"}
		b := newBatcher(redis.ask)
		test(t, redis, b)
		b.close()
	})
}

func TestQuestionsThatWaitShareATripAndGetTheirOwnAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T, redis *trips, b *batcher) {
		const count = 50
		first := asking(t.Context(), b, "first")
		require.Equal(t, 1, redis.next(), "one that is alone is asked at once")
		answers := make(map[string]<-chan error)
		for i := range count {
			for _, token := range []string{"good" + strconv.Itoa(i), "revoked" + strconv.Itoa(i)} {
				answers[token] = asking(t.Context(), b, token)
			}
		}
		require.Zero(t, redis.next(), "the others wait")
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
	})
}

func TestAFailedTripIsUnknownToAllThatShareIt(t *testing.T) {
	broken := errors.New("connection reset")
	for name, test := range map[string]struct {
		let         error
		epoch       string
		wantRevoked error
	}{
		"failed":              {broken, "/now", broken},
		"no epoch":            {nil, "", ErrRevoked},
		"an unreadable epoch": {nil, "now", ErrRevoked},
		"another epoch":       {nil, "elsewhere/now", ErrRevoked},
		"another history":     {nil, "here/of another/now", ErrRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, redis *trips, b *batcher) {
				redis.epoch = test.epoch
				first := asking(t.Context(), b, "first")
				require.Equal(t, 1, redis.next())
				good, revoked := asking(t.Context(), b, "good"), asking(t.Context(), b, "revoked")
				require.Zero(t, redis.next())
				redis.let <- test.let
				require.ErrorIs(t, <-first, ErrUnknown)
				require.Equal(t, 2, redis.next())
				redis.let <- test.let
				require.ErrorIs(t, <-good, ErrUnknown)
				require.ErrorIs(t, <-revoked, test.wantRevoked)
			})
		})
	}
}

func TestAQuestionIsInAHurryWhenATripTakesLong(t *testing.T) {
	inBubble(t, func(t *testing.T, redis *trips, b *batcher) {
		first := asking(t.Context(), b, "first")
		require.Equal(t, 1, redis.next())
		second := asking(t.Context(), b, "second")
		time.Sleep(maxShareWait - 1)
		require.Zero(t, redis.next())
		time.Sleep(time.Nanosecond)
		require.Equal(t, 1, redis.next(), "the first has not come back")
		redis.let <- nil
		redis.let <- nil
		require.NoError(t, <-first)
		require.NoError(t, <-second)
	})
}

func TestATripHasRoomForSoMany(t *testing.T) {
	inBubble(t, func(t *testing.T, redis *trips, b *batcher) {
		first := asking(t.Context(), b, "first")
		require.Equal(t, 1, redis.next())
		var answers []<-chan error
		for range maxShare - 1 {
			answers = append(answers, asking(t.Context(), b, "good"))
		}
		require.Zero(t, redis.next())
		answers = append(answers, asking(t.Context(), b, "good"))
		require.Equal(t, maxShare, redis.next(), "a full one does not wait")
		redis.let <- nil
		redis.let <- nil
		for _, answer := range append(answers, first) {
			require.NoError(t, <-answer)
		}
	})
}

func TestAQuestionMayBeGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, redis *trips, b *batcher) {
		ctx, cancel := context.WithCancel(t.Context())
		given := asking(ctx, b, "revoked")
		require.Equal(t, 1, redis.next())
		cancel()
		err := <-given
		require.ErrorIs(t, err, ErrUnknown)
		require.ErrorIs(t, err, context.Canceled)
		redis.let <- nil
		// Its answer, which came too late, is nobody else's.
		for range 100 {
			answer := asking(t.Context(), b, "good")
			require.Equal(t, 1, redis.next())
			redis.let <- nil
			require.NoError(t, <-answer)
		}
	})
}

func TestClosingWaitsForTheTripsUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T, redis *trips, b *batcher) {
		answer := asking(t.Context(), b, "good")
		require.Equal(t, 1, redis.next())
		closed := make(chan struct{})
		go func() { defer close(closed); b.close() }()
		synctest.Wait()
		require.ErrorIs(t, b.check(t.Context(), Query{TokenID: "t", ClientID: "c"}), ErrUnknown)
		select {
		case <-closed:
			require.Fail(t, "a trip is under way")
		default:
		}
		redis.let <- errors.New("closed")
		require.ErrorIs(t, <-answer, ErrUnknown)
		<-closed
	})
}
