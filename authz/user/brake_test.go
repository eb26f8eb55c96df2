package user_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/user"
)

// door is a Brake in front of ann and bob, whose password is "right", with a clock that stands still.
type door struct {
	*testing.T
	*user.Brake
	clock time.Time
	asked int
	fails error // of what is behind the Brake, when it is not nil
}

func newDoor(t *testing.T) *door {
	d := &door{T: t, clock: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	d.Brake = &user.Brake{Next: d, Now: func() time.Time { return d.clock }}
	return d
}

// Authenticate is what is behind the Brake.
func (d *door) Authenticate(_ context.Context, proof user.Proof) (string, error) {
	d.asked++
	switch {
	case d.fails != nil:
		return "", d.fails
	case proof.Login == "sue" && proof.Password == "right":
		return "", user.ErrSuspended
	case (proof.Login == "ann" || proof.Login == "bob") && proof.Password == "right":
		return proof.Login, nil
	}
	return "", &user.DeniedError{Reason: "wrong"}
}

// try returns how long a try has to wait; 0 when it was looked at.
func (d *door) try(login, password, address string) time.Duration {
	d.Helper()
	before := d.asked
	subject, err := d.Brake.Authenticate(d.Context(), user.Proof{Login: login, Password: password, Address: netip.MustParseAddr(address)})
	var braked *user.BrakedError
	if errors.As(err, &braked) {
		require.Equal(d, before, d.asked, "whoever has to wait is not asked about")
		require.Positive(d, braked.RetryAfter)
		return braked.RetryAfter
	}
	require.Equal(d, before+1, d.asked)
	require.Equal(d, password == "right" && login != "sue" && d.fails == nil, err == nil)
	require.Equal(d, err == nil, subject == login)
	return 0
}

func TestPausesGrowForALoginAtAnAddress(t *testing.T) {
	d := newDoor(t)
	for range 3 {
		require.Zero(t, d.try("ann", "wrong", "192.0.2.1"))
	}
	for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		require.Zero(t, d.try("ann", "wrong", "192.0.2.1"), "the pause before is over")
		require.Equal(t, pause*time.Second, d.try("ann", "right", "192.0.2.1"), "a good password waits, too: it is not looked at")
		d.clock = d.clock.Add(pause*time.Second - 1)
		require.Equal(t, time.Duration(1), d.try("ann", "wrong", "192.0.2.1"), "who tries while waiting does not wait longer")
		d.clock = d.clock.Add(1)
	}
	require.Zero(t, d.try("bob", "wrong", "192.0.2.1"), "of another login")
	require.Zero(t, d.try("ann", "wrong", "192.0.2.2"), "from another address")
	d.clock = d.clock.Add(time.Hour)
	for range 3 {
		require.Zero(t, d.try("ann", "wrong", "192.0.2.1"), "after an hour it is forgotten")
	}
}

func TestAGoodSignInCostsNothing(t *testing.T) {
	d := newDoor(t)
	for range 1000 {
		require.Zero(t, d.try("ann", "right", "192.0.2.1"))
	}
	for range 100 {
		for range 3 {
			require.Zero(t, d.try("ann", "wrong", "192.0.2.1"))
		}
		require.Zero(t, d.try("ann", "right", "192.0.2.1"), "and ends the row of those that failed")
	}
	for range 100 {
		require.Zero(t, d.try("sue", "right", "192.0.2.1"), "the password of a suspended user was right, too")
	}
	d.fails = user.ErrUnavailable
	for range 100 {
		require.Zero(t, d.try("bob", "right", "192.0.2.1"), "what nobody could look at was no guess")
	}
	d.fails = &user.BrakedError{RetryAfter: time.Second} // of lndhub.go
	for range 100 {
		_, err := d.Brake.Authenticate(t.Context(), user.Proof{Login: "bob", Password: "right"})
		require.Error(t, err)
	}
	d.fails = nil
	require.Zero(t, d.try("bob", "right", "192.0.2.1"))
}

func TestAnAddressFailsSoOften(t *testing.T) {
	for name, addresses := range map[string][2]string{
		"IPv4":             {"192.0.2.1", "192.0.2.1"},
		"IPv4 in IPv6":     {"192.0.2.1", "::ffff:192.0.2.1"},
		"the same /64":     {"2001:db8::1", "2001:db8::2:3:4:5"},
		"zones of a /64":   {"fe80::1%a", "fe80::1%b"},
		"there is none":    {"0.0.0.0", "0.0.0.0"},
		"the loopback one": {"::1", "::1"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			for i := range 30 {
				require.Zero(t, d.try(fmt.Sprint("login ", i), "wrong", addresses[i%2]))
			}
			require.Equal(t, 2*time.Second, d.try("login 30", "wrong", addresses[1]))
			require.Zero(t, d.try("ann", "right", "198.51.100.1"), "others do not notice")
			require.Zero(t, d.try("ann", "right", "2001:db8:0:1::1"))
			d.clock = d.clock.Add(2 * time.Second)
			require.Zero(t, d.try("login 31", "wrong", addresses[1]))
			require.Equal(t, 2*time.Second, d.try("login 32", "wrong", addresses[0]))
			d.clock = d.clock.Add(time.Minute)
			for i := range 30 {
				require.Zero(t, d.try(fmt.Sprint("next ", i), "wrong", addresses[0]))
			}
			require.NotZero(t, d.try("next 30", "wrong", addresses[0]))
		})
	}
}

func TestALoginFailsSoOftenFromAllAddresses(t *testing.T) {
	d := newDoor(t)
	guess := func(i int) time.Duration {
		return d.try("ann", "wrong", netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}).String())
	}
	require.Zero(t, d.try("ann", "right", "192.0.2.1"), "from home, before")
	for i := range 30 {
		require.Zero(t, guess(i))
	}
	require.Equal(t, 10*time.Second, guess(31))

	for range 20 {
		require.NotZero(t, guess(32))
		require.Zero(t, d.try("ann", "right", "192.0.2.1"), "from home it is as it was")
	}
	require.Zero(t, d.try("ann", "wrong", "192.0.2.1"), "and one may be mistaken there")
	require.Zero(t, d.try("ann", "right", "192.0.2.1"))
	require.NotZero(t, d.try("ann", "right", "203.0.113.1"), "from anywhere else one waits with the others")
	require.Zero(t, d.try("bob", "right", "203.0.113.1"))
	d.clock = d.clock.Add(10 * time.Second)
	require.Zero(t, d.try("ann", "right", "203.0.113.1"))
	require.Zero(t, d.try("ann", "right", "203.0.113.1"), "and from then on not")
}

// Whoever shares the address with a user is not told apart from them.
func TestWhoSharesAnAddressWithAUserKeepsThemOutForSecondsOnly(t *testing.T) {
	d := newDoor(t)
	require.Zero(t, d.try("ann", "right", "192.0.2.1"))
	for i := 0; d.try(fmt.Sprint("login ", i), "wrong", "192.0.2.1") == 0; i++ {
	}
	require.Zero(t, d.try("ann", "right", "192.0.2.1"), "guesses at other logins do not matter")
	for range 100 {
		wait := d.try("ann", "wrong", "192.0.2.1")
		require.LessOrEqual(t, wait, 30*time.Second)
		d.clock = d.clock.Add(wait)
	}
	d.clock = d.clock.Add(d.try("ann", "right", "192.0.2.1"))
	require.Zero(t, d.try("ann", "right", "192.0.2.1"))
}

func TestWhatIsNotAPasswordIsNotBraked(t *testing.T) {
	d := newDoor(t)
	for range 100 {
		for _, proof := range []user.Proof{{Token: "x"}, {Login: "ann"}, {Password: "right"}, {}} {
			_, err := d.Brake.Authenticate(t.Context(), proof)
			var denied *user.DeniedError
			require.ErrorAs(t, err, &denied)
		}
	}
}

// However many are forgotten: who fails is braked a moment later, and who signed in is known.
func TestTheMemoryIsBounded(t *testing.T) {
	d := newDoor(t)
	require.Zero(t, d.try("ann", "right", "192.0.2.1"))
	for i := range 120_000 { // from as many networks, at as many logins
		address := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
		_, err := d.Brake.Authenticate(t.Context(), user.Proof{Login: fmt.Sprint("login ", i), Password: "wrong", Address: address})
		require.Error(t, err)
	}
	require.LessOrEqual(t, d.Remembered(), 4*2*50_000)
	for range 31 {
		d.try("ann", "wrong", netip.AddrFrom4([4]byte{198, 51, 100, byte(d.asked)}).String())
	}
	require.NotZero(t, d.try("ann", "wrong", "203.0.113.1"))
	require.Zero(t, d.try("ann", "right", "192.0.2.1"))
}

// Many guesses at once are no more than many one after another.
func TestGuessesAtOnceAreCounted(t *testing.T) {
	var asked atomic.Int64
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	b := &user.Brake{Next: askedUser(func() error {
		asked.Add(1)
		arrived <- struct{}{}
		<-release
		return &user.DeniedError{Reason: "wrong"}
	})}
	var all sync.WaitGroup
	var braked atomic.Int64
	for range 50 {
		all.Go(func() {
			_, err := b.Authenticate(t.Context(), user.Proof{Login: "ann", Password: "guess"})
			var b *user.BrakedError
			if errors.As(err, &b) {
				braked.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return braked.Load() == 46 }, 10*time.Second, time.Millisecond)
	close(release)
	all.Wait()
	require.EqualValues(t, 4, asked.Load())
}

type askedUser func() error

func (ask askedUser) Authenticate(context.Context, user.Proof) (string, error) { return "", ask() }
