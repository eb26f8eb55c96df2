package document_test

import (
	"compress/gzip"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client/document"
)

func TestOnlyPublicAddressesAreDialled(t *testing.T) {
	for _, address := range []string{"1.1.1.1", "192.0.1.1", "100.128.0.1", "172.32.0.1", "::ffff:1.1.1.1", "2606:4700::1111", "2a00::1"} {
		require.True(t, document.IsPublic(netip.MustParseAddr(address)), address)
	}
	for _, address := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1", "172.31.0.1",
		"192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.0.0.1",
		"240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::101:101",
		"64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00::1", "fe80::1",
		"fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1",
	} {
		require.False(t, document.IsPublic(netip.MustParseAddr(address)), address)
	}
}

func TestWhatIsNotPublicIsNotReachedUnlessItIsAllowed(t *testing.T) {
	w := newWorld(t, func(c *document.Config) { c.Allow = nil })
	_, err := w.find(t)
	require.ErrorIs(t, err, document.ErrUnreachable)
	require.Zero(t, w.fetches.Load())
}

// TestANameThatLeadsElsewhereAfterACheckReachesNothing: a DNS server answers a public address first, and then this machine.
func TestANameThatLeadsElsewhereAfterACheckReachesNothing(t *testing.T) {
	var asked atomic.Int64
	w := newWorld(t, func(c *document.Config) {
		c.Allow = nil
		c.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go answerDNS(there, func() [4]byte {
				if asked.Add(1) == 1 {
					return [4]byte{127, 0, 0, 1}
				}
				return [4]byte{10, 0, 0, 1}
			})
			return here, nil
		}}
	})
	at := strings.Replace(w.at, "localhost", "app.example", 1)
	_, err := w.Find(t.Context(), at, caller)
	require.ErrorIs(t, err, document.ErrUnreachable)
	require.ErrorContains(t, err, "public internet")
	require.Zero(t, w.fetches.Load())
	require.Positive(t, asked.Load(), "the name was asked for")
}

func TestAnAnswerThatIsNoDocumentIsRefused(t *testing.T) {
	for name, answer := range map[string]func(w *world) http.HandlerFunc{
		"a redirect": func(w *world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, w.at+"?again", http.StatusFound) }
		},
		"not found": func(*world) http.HandlerFunc { return http.NotFound },
		"created":   withHead(http.StatusCreated, "application/json", ""),
		"HTML":      withHead(http.StatusOK, "text/html", ""),
		"no type":   withHead(http.StatusOK, "", ""),
		"UTF-16":    withHead(http.StatusOK, "application/json; charset=utf-16", ""),
		"brotli":    withHead(http.StatusOK, "application/json", "br"),
		"a bomb": func(w *world) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				rw.Header().Set("Content-Encoding", "gzip")
				bomb := gzip.NewWriter(rw)
				_, _ = bomb.Write(make([]byte, 10<<20))
				_ = bomb.Close()
			}
		},
		"huge": func(w *world) http.HandlerFunc { return w.says(map[string]any{"x": strings.Repeat("x", 64<<10)}) },
		"endless": func(*world) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				for err := error(nil); err == nil; {
					_, err = rw.Write(make([]byte, 4096))
				}
			}
		},
		"a huge header": func(w *world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("X", strings.Repeat("x", 64<<10))
				w.says(nil)(rw, r)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.answer = answer(w)
			_, err := w.find(t)
			require.ErrorIs(t, err, document.ErrUnreachable)
			require.EqualValues(t, 1, w.fetches.Load(), "nothing else is fetched")
		})
	}
}

func withHead(status int, contentType, encoding string) func(*world) http.HandlerFunc {
	return func(w *world) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.Header()["Content-Type"] = []string{contentType}
			if encoding != "" {
				rw.Header().Set("Content-Encoding", encoding)
			}
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte("{}"))
		}
	}
}

func TestWhoAnswersSlowlyIsGivenUp(t *testing.T) {
	for name, begins := range map[string]bool{"header": false, "body": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *document.Config) { c.Timeout = 300 * time.Millisecond })
			release := make(chan struct{})
			defer close(release)
			w.answer = func(rw http.ResponseWriter, _ *http.Request) {
				if begins {
					rw.Header().Set("Content-Type", "application/json")
					_, _ = rw.Write([]byte("{"))
					_ = http.NewResponseController(rw).Flush()
				}
				<-release
			}
			began := time.Now()
			_, err := w.find(t)
			require.ErrorIs(t, err, document.ErrUnreachable)
			require.Less(t, time.Since(began), 5*time.Second)
		})
	}
}

func TestOneFetchServesAllWhoAskForAURL(t *testing.T) {
	w := newWorld(t, nil)
	release := make(chan struct{})
	good := w.says(nil)
	w.answer = func(rw http.ResponseWriter, r *http.Request) { <-release; good(rw, r) }
	gone, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { _, err := w.Find(gone, w.at, caller); left <- err }()
	require.Eventually(t, func() bool { return w.fetches.Load() == 1 }, 10*time.Second, time.Millisecond)
	leave()
	require.ErrorIs(t, <-left, context.Canceled)

	var all sync.WaitGroup
	var failed atomic.Int64
	for i := range 20 {
		all.Go(func() {
			if _, err := w.Find(t.Context(), w.at, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})); err != nil {
				failed.Add(1)
			}
		})
	}
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	all.Wait()
	require.Zero(t, failed.Load())
	require.EqualValues(t, 1, w.fetches.Load(), "the one that began it has gone, and harms nobody")
}

func TestACallerCannotHaveManyDocumentsRead(t *testing.T) {
	errTooOften := errors.New("too often")
	paced := 0
	w := newWorld(t, func(c *document.Config) {
		c.Pace = func(from netip.Addr) error {
			if paced++; paced > 10 {
				return errTooOften
			}
			return nil
		}
	})
	for i := range 10_000 {
		_, err := w.Find(t.Context(), w.at+"?"+strconv.Itoa(i), caller)
		if i >= 10 {
			require.ErrorIs(t, err, errTooOften)
		}
	}
	require.EqualValues(t, 10, w.fetches.Load())
}

func TestFewFetchesAreUnderWayForACallerAndAHost(t *testing.T) {
	for name, callers := range map[string]int{"caller": 1, "host": 100} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			release := make(chan struct{})
			w.answer = func(http.ResponseWriter, *http.Request) { <-release }
			refused := make(chan error, 20)
			for i := range 20 {
				from := netip.AddrFrom4([4]byte{192, 0, 2, byte(i % callers)})
				go func() { _, err := w.Find(t.Context(), w.at+"?"+strings.Repeat("a", i+1), from); refused <- err }()
			}
			for range 16 {
				require.ErrorIs(t, <-refused, document.ErrBusy)
			}
			close(release)
			for range 4 {
				require.ErrorIs(t, <-refused, document.ErrUnreachable)
			}
		})
	}
}
