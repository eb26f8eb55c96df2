package cluster_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// renewEvery is how often an application of a renewal fetches another token: the more applications, the less often.
func renewEvery() time.Duration { return time.Duration(size(300, 3000)) * time.Millisecond }

// renewal is the traffic of applications that renew their tokens all the time, and use each one until it has expired. None
// may be refused before that.
type renewal struct {
	in   *installation
	stop chan struct{}
	wait sync.WaitGroup
	// passed and untold are how many requests were answered 200 and 503, which is what servers say that stood still.
	passed, untold atomic.Int64

	mu     sync.Mutex
	latest []grant
	expiry map[string]time.Time // of the last token of each kid
	broken []string
}

// minted is a token and when it expires.
type minted struct {
	access string
	until  time.Time
}

// startRenewal begins the traffic of these grants; it ends with the test.
func (in *installation) startRenewal(grants []grant) *renewal {
	r := &renewal{in: in, stop: make(chan struct{}), latest: slices.Clone(grants), expiry: map[string]time.Time{}}
	for i := range grants {
		r.wait.Go(func() { r.work(i) })
	}
	in.t.Cleanup(r.end)
	return r
}

func (r *renewal) end() {
	select {
	case <-r.stop:
	default:
		close(r.stop)
	}
	r.wait.Wait()
}

// work is one application's traffic.
func (r *renewal) work(i int) {
	var live []minted
	for {
		if newest, ok := r.renew(i); ok {
			live = append(live, newest)
			r.useEverywhere(newest)
		}
		for next := time.Now().Add(renewEvery()); time.Now().Before(next); {
			select {
			case <-r.stop:
				return
			case <-time.After(time.Duration(rand.Int64N(int64(renewEvery() / 4)))):
			}
			live = slices.DeleteFunc(live, func(m minted) bool { return time.Now().After(m.until) })
			if len(live) > 0 {
				r.use(live[rand.IntN(len(live))], r.in.gateways[rand.IntN(len(r.in.gateways))])
			}
		}
	}
}

func (r *renewal) renew(i int) (minted, bool) {
	r.mu.Lock()
	before := r.latest[i]
	r.mu.Unlock()
	next, err := before.refreshed(r.in.issuer)
	switch {
	case err == nil:
	case strings.HasPrefix(err.Error(), "503 "):
		r.untold.Add(1)
		return minted{}, false
	default:
		r.report("no token: %v", err)
		return minted{}, false
	}
	kid, until, err := readToken(next.access)
	if err != nil {
		r.report("not a token: %v", err)
		return minted{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest[i] = next
	if until.After(r.expiry[kid]) {
		r.expiry[kid] = until
	}
	return minted{next.access, until}, true
}

// useEverywhere sends a request through each gateway.
func (r *renewal) useEverywhere(m minted) {
	for _, gateway := range r.in.gateways {
		r.use(m, gateway)
	}
}

func (r *renewal) use(m minted, gateway *server) {
	got, err := send(http.MethodGet, gateway.url()+"/balance", "Bearer "+m.access, "", "")
	switch answered := time.Now(); {
	case got.status == http.StatusOK:
		r.passed.Add(1)
	case got.status == http.StatusServiceUnavailable:
		r.untold.Add(1)
	case got.status == http.StatusUnauthorized && answered.After(m.until): // it took until then
	default:
		kid, _, _ := readToken(m.access)
		r.report("%s: %d %s %v with a token of %s that lives until %s", gateway.name, got.status, got.body, err, kid, m.until)
	}
}

func (r *renewal) report(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.broken) < maxBroken {
		r.broken = append(r.broken, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

func (r *renewal) requireUnbroken(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(t, r.broken)
}

// signed are the kids of the tokens that there have been.
func (r *renewal) signed() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.expiry))
}

func (r *renewal) awaitSigned(t *testing.T, kid string) {
	t.Helper()
	require.Eventually(t, func() bool { return slices.Contains(r.signed(), kid) }, patience, tick, "nothing is signed with %s", kid)
}

// lastExpiry is when the last token of a key expires.
func (r *renewal) lastExpiry(kid string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.expiry[kid]
}

func readToken(token string) (kid string, until time.Time, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", time.Time{}, fmt.Errorf("it has %d parts", len(parts))
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	var claims struct {
		Expires int64 `json:"exp"`
	}
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return "", time.Time{}, err
		}
	}
	return header.KeyID, time.Unix(claims.Expires, 0), nil
}
