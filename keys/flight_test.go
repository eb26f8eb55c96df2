package keys

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCallsForOneTokenShareOneVerification(t *testing.T) {
	for name, want := range map[string]error{"good": nil, "bad": ErrAudience, "another error": errors.New("another")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { requireOneVerification(t, want) })
		})
	}
}

func requireOneVerification(t *testing.T, want error) {
	var f flights
	token := digest{1}
	found := new(verified)
	leave := make(chan struct{})
	begun := 0
	verify := func() (*verified, error) { begun++; <-leave; return found, want }
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			got, err := f.join(token, verify)
			if got != found || !errors.Is(err, want) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	synctest.Wait() // until one verifies and the other waits for it
	require.Equal(t, 1, begun)
	_, err := f.join(digest{2}, func() (*verified, error) { return nil, ErrExpired })
	require.ErrorIs(t, err, ErrExpired, "another token's verification does not wait")
	close(leave)
	both.Wait()
	require.Empty(t, f.of)
	_, err = f.join(token, func() (*verified, error) { return nil, ErrExpired })
	require.ErrorIs(t, err, ErrExpired, "nothing is remembered")
}

// A verification that panics lets nobody in, and leaves nobody waiting.
func TestAVerificationThatPanics(t *testing.T) {
	synctest.Test(t, requirePanicLetsNobodyIn)
}

func requirePanicLetsNobodyIn(t *testing.T) {
	var f flights
	token := digest{1}
	leave := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic got lost")
			}
		}()
		_, _ = f.join(token, func() (*verified, error) {
			both.Go(func() {
				if found, err := f.join(token, nil); found != nil || !errors.Is(err, ErrInvalidToken) {
					t.Errorf("who waited got %v, %v", found, err)
				}
			})
			<-leave
			panic("a mistake")
		})
	})
	synctest.Wait() // until the second waits for the first
	close(leave)
	both.Wait()
	require.Empty(t, f.of)
}

// Between the look that finds nothing and the verification another call's may have landed.
func TestATokenThatIsRememberedByNowIsNotVerifiedAgain(t *testing.T) {
	cache, err := NewCache(&Verifier{}, 10) // which refuses everything
	require.NoError(t, err)
	defer func() { require.NoError(t, cache.Close()) }()
	token, found := []byte("a.b.c"), &verified{claims: Claims{ExpiresAt: time.Now().Add(time.Hour)}}
	_, err = cache.load(digest{1}, token)
	require.ErrorIs(t, err, ErrInvalidToken)
	cache.tokens.Set(digest{1}, found)
	got, err := cache.load(digest{1}, token)
	require.NoError(t, err)
	require.Same(t, found, got)
}
