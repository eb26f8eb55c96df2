package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"gatehouse/authz/client"
)

// comparisons are slow hashes that wait until they are let go, one by one, in the order in which they began.
type comparisons struct {
	mu    sync.Mutex
	begun []string
	let   chan struct{}
}

func (c *comparisons) compare(hash, secret []byte) error {
	c.mu.Lock()
	c.begun = append(c.begun, string(hash))
	c.mu.Unlock()
	<-c.let
	if string(secret) == "right" {
		return nil
	}
	return bcrypt.ErrMismatchedHashAndPassword
}

// hashOf has the form of a chosen secret's hash, another one for each client.
func hashOf(name string) string {
	return "$2a$10$" + name + strings.Repeat("x", 53-len(name))
}

func newChecker() (*client.SecretChecker, *comparisons) {
	checker := client.NewSecretChecker()
	held := &comparisons{let: make(chan struct{})}
	checker.Compare = held.compare
	return checker, held
}

// TestAFloodAgainstOneClientLocksNoOtherOut: many wrong secrets of some clients wait, and the right one of another is next but
// for one of each.
func TestAFloodAgainstOneClientLocksNoOtherOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checker, held := newChecker()
		var busy, wrong int
		var mu sync.Mutex
		var flood sync.WaitGroup
		for _, attacked := range []string{"a", "b", "c"} {
			for range 500 {
				flood.Go(func() {
					ok, err := checker.Check(context.Background(), hashOf(attacked), "wrong")
					mu.Lock()
					defer mu.Unlock()
					switch {
					case errors.Is(err, client.ErrBusy):
						busy++
					case err == nil && !ok:
						wrong++
					}
				})
			}
		}
		synctest.Wait()
		require.Greater(t, busy, 1000, "who waits is bounded")

		answered := make(chan bool, 1)
		go func() {
			ok, err := checker.Check(context.Background(), hashOf("good"), "right")
			answered <- ok && err == nil
		}()
		synctest.Wait()
		let := 0
		for len(answered) == 0 {
			held.let <- struct{}{}
			let++
			synctest.Wait()
			require.LessOrEqual(t, let, 8, "the good one's turn does not come")
		}
		require.True(t, <-answered)
		close(held.let)
		flood.Wait()
		require.Equal(t, 1500, busy+wrong)
	})
}

// TestAFloodAgainstManyClientsLocksNoOtherOut fills the queues of so many clients that no more may wait in all, but for a client of
// which nobody waits.
func TestAFloodAgainstManyClientsLocksNoOtherOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checker, held := newChecker()
		var flood sync.WaitGroup
		for i := range 100 {
			for range 40 {
				flood.Go(func() { _, _ = checker.Check(context.Background(), hashOf(fmt.Sprint("attacked", i)), "wrong") })
			}
		}
		synctest.Wait()
		full := client.Queued(checker)
		require.Less(t, full, 100*32, "who waits is bounded in all")
		good := make(chan error, 1)
		go func() {
			ok, err := checker.Check(context.Background(), hashOf("good"), "right")
			if err == nil && !ok {
				err = errors.New("it is the right one")
			}
			good <- err
		}()
		synctest.Wait()
		require.Greater(t, client.Queued(checker), full, "it has a place")
		close(held.let)
		require.NoError(t, <-good)
		flood.Wait()
		require.Zero(t, client.Queued(checker))
	})
}

// TestTheRightSecretOfAnAttackedClientIsProvenOnce: those that wait with it need no slow hash of their own.
func TestTheRightSecretOfAnAttackedClientIsProvenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checker, held := newChecker()
		var good sync.WaitGroup
		for range 20 {
			good.Go(func() {
				ok, err := checker.Check(context.Background(), hashOf("good"), "right")
				require.True(t, ok && err == nil)
			})
		}
		synctest.Wait()
		held.let <- struct{}{}
		good.Wait()
		require.Len(t, held.begun, 1)
	})
}

func TestWhoGivesUpLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checker, held := newChecker()
		ctx, cancel := context.WithCancel(context.Background())
		var gone sync.WaitGroup
		for range 30 {
			gone.Go(func() { _, _ = checker.Check(ctx, hashOf("a"), "wrong") })
		}
		synctest.Wait()
		cancel()
		close(held.let)
		gone.Wait()
		require.Zero(t, client.Queued(checker))
		ok, err := checker.Check(context.Background(), hashOf("a"), "right")
		require.NoError(t, err)
		require.True(t, ok)
	})
}
