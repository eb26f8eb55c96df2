package cluster_test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hurriedKeys rotate within a test's patience, with every part of the schedule in proportion.
const hurriedKeys = `
keys: {rotate_every: 14s, publish_ahead: 8s, jwks_max_age: 1s, jwks_refresh: 1s}
access_token: {lifespan: 6s, max_lifespan: 6s}
clock_leeway: 0s
`

// missedRefreshes is for how many seconds a gateway has read no JWKS when it has failed to at least once; a token lives longer.
const missedRefreshes = 2.5

// TestGatewaysFollowRotationsWithoutRefusingAToken replaces the signing key by the command, by the admin API and by the
// schedule, while applications renew their tokens all the time and use each from its first moment to its last.
func TestGatewaysFollowRotationsWithoutRefusingAToken(t *testing.T) {
	in := install(t, hurriedKeys)
	r := in.startRenewal(in.users(size(8, 100)))
	first := in.publishedKeys(t)
	require.NotEmpty(t, first)

	byCommand := in.rotate(t, in.rotateByCommand)
	r.awaitSigned(t, byCommand)
	byAdmin := in.rotate(t, in.rotateByAdmin)
	r.awaitSigned(t, byAdmin)
	byHand := append(slices.Clone(first), byCommand, byAdmin)
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(r.signed(), func(kid string) bool { return !slices.Contains(byHand, kid) })
	}, patience, tick, "the schedule has not replaced a key")

	require.Eventually(t, func() bool { return !slices.Contains(in.publishedKeys(t), first[0]) }, patience, 10*tick,
		"a key whose tokens have all expired is still published")
	require.Less(t, r.lastExpiry(first[0]), time.Now(), "it has left before its last token had expired")
	r.end()
	r.requireUnbroken(t)
	t.Logf("%d requests passed with tokens of %d keys, none was refused, %d could not be told",
		r.passed.Load(), len(r.signed()), r.untold.Load())

	in.requireKnownKeysGoOn(t, r)
}

// requireKnownKeysGoOn holds the gateways to serving while nobody can read the JWKS.
func (in *installation) requireKnownKeysGoOn(t *testing.T, r *renewal) {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); !in.knownKeysGoOn(t, r); {
		require.Less(t, time.Now(), deadline, "no token lived long enough")
	}
	in.requireServing(in.consent(in.register(), 1))
}

// knownKeysGoOn reports whether a token that lived until then passed while nobody could read the JWKS. On a machine that is
// so slow that it expired before, that tells nothing.
func (in *installation) knownKeysGoOn(t *testing.T, r *renewal) (hasPassed bool) {
	t.Helper()
	var fresh minted
	require.Eventually(t, func() (ok bool) { fresh, ok = r.renew(0); return ok }, patience, tick)
	for _, s := range in.authz {
		s.kill()
	}
	for _, s := range in.gateways {
		require.Eventually(t, func() bool {
			r.useEverywhere(fresh)
			return s.metrics(t)["gatehouse_jwks_age_seconds"] > missedRefreshes
		}, patience, tick)
	}
	before := r.passed.Load()
	r.useEverywhere(fresh)
	r.requireUnbroken(t)
	hasPassed = r.passed.Load() > before
	require.True(t, hasPassed || time.Now().After(fresh.until))
	for _, s := range in.authz {
		s.start()
	}
	return hasPassed
}

// rotate replaces the key as soon as no other successor is waiting for its time.
func (in *installation) rotate(t *testing.T, rotate func(t *testing.T) (kid string, pending bool)) string {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(tick) {
		if kid, pending := rotate(t); !pending {
			return kid
		}
	}
	require.Fail(t, "a successor is pending for ever")
	return ""
}

type keyState struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

func (in *installation) rotateByCommand(t *testing.T) (kid string, pending bool) {
	t.Helper()
	var printed, said strings.Builder
	command := exec.Command(binary, "key", "rotate", "--json")
	command.Env, command.Stdout, command.Stderr = in.environment, &printed, &said
	if err := command.Run(); err != nil {
		require.Contains(t, said.String(), "published already", err)
		return "", true
	}
	return rotated(t, printed.String()), false
}

func (in *installation) rotateByAdmin(t *testing.T) (kid string, pending bool) {
	t.Helper()
	got, err := send(http.MethodPost, "http://"+in.authz[1].admin+"/admin/keys/rotate", "", "", "")
	require.NoError(t, err)
	if got.status == http.StatusConflict {
		return "", true
	}
	require.Equal(t, http.StatusOK, got.status, got.body)
	return rotated(t, got.body), false
}

func rotated(t *testing.T, text string) (kid string) {
	t.Helper()
	var key keyState
	require.NoError(t, json.Unmarshal([]byte(text), &key), text)
	require.Equal(t, "published", key.State, "nobody may sign with a key that not every gateway knows")
	return key.ID
}

// publishedKeys are the kids in the JWKS of either authorization server, the one that signs first.
func (in *installation) publishedKeys(t *testing.T) []string {
	t.Helper()
	var kids []string
	for _, s := range in.authz {
		got, err := send(http.MethodGet, s.url()+"/.well-known/jwks.json", "", "", "")
		require.NoError(t, err)
		var jwks struct {
			Keys []struct {
				KeyID string `json:"kid"`
			} `json:"keys"`
		}
		require.NoError(t, json.Unmarshal([]byte(got.body), &jwks), got.body)
		for _, key := range jwks.Keys {
			kids = append(kids, key.KeyID)
		}
	}
	return kids
}
