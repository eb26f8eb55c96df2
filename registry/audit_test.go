package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

// audit is every record, oldest first, in the words "actor action target: detail".
func (w *world) audit() (lines []string) {
	w.t.Helper()
	var last registry.AuditRecord
	for {
		page, err := w.Audit(w.ctx, last, 3)
		require.NoError(w.t, err)
		if len(page) == 0 {
			return lines
		}
		require.LessOrEqual(w.t, len(page), 3)
		for _, record := range page {
			require.Greater(w.t, record.ID, int64(0))
			require.True(w.t, last.ID == 0 || record.ID < last.ID)
			lines = append([]string{
				fmt.Sprintf("%s %s %s: %s", record.Actor, record.Action, record.Target, record.Detail),
			}, lines...)
			last = record
		}
	}
}

func auditRecords(t *testing.T, w *world) {
	admin := w.By("admin")
	until := start.Add(24 * time.Hour)
	client := registry.Client{ID: "shop", Name: "Shop", Scopes: []string{"a", "b"}, SecretHash: "first hash"}
	for _, change := range []struct {
		call func() error
		want []string
	}{
		{func() error { return admin.CreateClient(w.ctx, client) }, []string{"client.create shop: Shop"}},
		{func() error {
			return second(admin.UpdateClient(w.ctx, "shop", func(c *registry.Client) error {
				c.Name, c.Scopes[0], c.SecretHash = "New", "c", "second hash"
				return nil
			}))
		}, []string{"client.update shop: name, scopes, secret"}},
		{func() error {
			return second(admin.UpdateClient(w.ctx, "shop", func(c *registry.Client) error { c.Name = "New"; return nil }))
		}, nil},
		{func() error { return admin.SetClientSecret(w.ctx, "shop", "third hash") }, []string{"client.secret shop: "}},
		{func() error { return admin.RevokeToken(w.ctx, "jti", until) }, []string{"token.revoke jti: until 2031-02-05T04:59:58Z"}},
		{func() error { return admin.RevokeToken(w.ctx, "jti", until) }, nil},
		{func() error { return admin.RevokeToken(w.ctx, "dead", start) }, nil},
		{func() error {
			grantID, _ := w.redeem()
			return admin.EndGrant(w.ctx, grantID, "stolen")
		}, []string{"grant.end g1: stolen, client app, subject ann"}},
		{func() error { return admin.EndGrant(w.ctx, "g1", "stolen") }, nil},
		{func() error {
			w.redeem()
			w.authorize()
			return second(admin.EndGrants(w.ctx, "ann", "app", "gone"))
		}, []string{"grant.end g2: gone, client app, subject ann", "grant.end g3: gone, client app, subject ann"}},
		{func() error {
			w.redeem()
			return second(admin.EndGrantsOfSubject(w.ctx, "ann", "denied"))
		}, []string{"grant.end g4: denied, client app, subject ann"}},
		{func() error { return second(admin.EndGrantsOfSubject(w.ctx, "ann", "denied")) }, nil},
		{func() error {
			w.redeem()
			return admin.DisableClient(w.ctx, "app", until)
		}, []string{"client.disable app: grants ended: 1, denied until 2031-02-05T04:59:58Z"}},
		{func() error { return admin.DeleteClient(w.ctx, "app", until) },
			[]string{"client.delete app: grants ended: 0, denied until 2031-02-05T04:59:58Z"}},
		{func() error { w.allowSpending(10, registry.NoLimit, "day"); return w.reserve("s1", 9) }, nil},
		{func() error {
			b := registry.Budget{BudgetKey: budgetOfAnn, Most: 100, MostAtOnce: registry.NoLimit, Period: "month"}
			return second(admin.SetBudget(w.ctx, b, windows))
		}, []string{"budget.set ann: client app: at most 100 sat, period month, at once any number"}},
		{func() error {
			return second(admin.Settle(w.ctx, "s1", registry.Outcome{State: registry.Posted, Cost: 8}))
		},
			[]string{"spend.settle s1: posted, 8 of 9 sat; subject ann, client app"}},
		{func() error {
			return second(admin.Settle(w.ctx, "s1", registry.Outcome{State: registry.Posted, Cost: 8}))
		}, nil},
		{func() error {
			return second(admin.EnsureSigningKey(w.ctx, registry.SigningKey{ID: "k1", Algorithm: "ES256", Sealed: "sealed"}))
		}, []string{"key.add k1: ES256, signs from 2031-02-04T04:59:58Z"}},
		{func() error { return second(admin.EnsureSigningKey(w.ctx, registry.SigningKey{ID: "k2"})) }, nil},
		{func() error {
			return second(admin.AddSigningKey(w.ctx, always, registry.SigningKey{ID: "k2", Algorithm: "RS256", SignsFrom: until}))
		}, []string{"key.add k2: RS256, signs from 2031-02-05T04:59:58Z"}},
		{func() error {
			never := func(registry.SigningKey) bool { return false }
			return second(admin.AddSigningKey(w.ctx, never, registry.SigningKey{ID: "k3"}))
		}, nil},
		{func() error { return admin.DeleteSigningKeys(w.ctx, "k1", "k0") }, []string{"key.delete k1: "}},
		{func() error { return admin.DeleteSigningKeys(w.ctx, "k1") }, nil},
	} {
		before := w.audit()
		require.NoError(t, change.call())
		var want []string
		for _, line := range change.want {
			want = append(want, "admin "+line)
		}
		require.ElementsMatch(t, want, w.audit()[len(before):])
	}
	page, err := w.Audit(w.ctx, registry.AuditRecord{}, 1)
	require.NoError(t, err)
	require.Equal(t, stored(start), page[0].At)
	for _, line := range w.audit() {
		require.NotContains(t, line, "hash")
		require.NotContains(t, line, "sealed")
	}
}

// auditOfTraffic: what clients do is not recorded, and nothing is without a name.
func auditOfTraffic(t *testing.T, w *world) {
	w.redeem()
	require.NoError(t, w.EndGrant(w.ctx, "g1", "user"))
	require.NoError(t, w.SetClientSecret(w.ctx, "app", "hash"))
	require.Empty(t, w.audit())

	plain := w.Registry
	w.Registry = plain.By("server")
	_, refresh := w.redeem()
	require.NoError(t, w.rotate(refresh, "next"))
	w.Advance(grace)
	require.ErrorIs(t, w.rotate(refresh, "next"), registry.ErrRefreshReused)
	require.ErrorIs(t, w.RedeemCode(w.ctx, "code-g2", nil, w.Now().Add(accessLife)), registry.ErrCodeUsed)
	require.Empty(t, w.audit())

	w.Registry = plain
	require.NoError(t, w.SetClientSecret(w.ctx, "app", "hash"), "a view changed the registry it is of")
	require.Empty(t, w.audit())
}

// auditOrNothing: a change and its record are one.
func auditOrNothing(t *testing.T, w *world) {
	grantID, _ := w.redeem()
	for _, id := range []string{"k0", "k1"} {
		require.NoError(t, second(w.AddSigningKey(w.ctx, always, registry.SigningKey{ID: id})))
	}
	changes := func(r *registry.Registry) map[string]func() error {
		later := start.Add(accessLife)
		return map[string]func() error{
			"create": func() error { return r.CreateClient(w.ctx, registry.Client{ID: "new"}) },
			"update": func() error {
				return second(r.UpdateClient(w.ctx, "app", func(c *registry.Client) error { c.Name = "New"; return nil }))
			},
			"secret":  func() error { return r.SetClientSecret(w.ctx, "app", "hash") },
			"delete":  func() error { return r.DeleteClient(w.ctx, "app", later) },
			"disable": func() error { return r.DisableClient(w.ctx, "app", later) },
			"end":     func() error { return r.EndGrant(w.ctx, grantID, "user") },
			"grants":  func() error { return second(r.EndGrants(w.ctx, "ann", "app", "user")) },
			"subject": func() error { return second(r.EndGrantsOfSubject(w.ctx, "ann", "user")) },
			"token":   func() error { return r.RevokeToken(w.ctx, "jti", later) },
			"key":     func() error { return second(r.AddSigningKey(w.ctx, always, registry.SigningKey{ID: "k2"})) },
			"no key":  func() error { return r.DeleteSigningKeys(w.ctx, "k1") },
		}
	}
	untouched := func(name string) {
		client, err := w.Client(w.ctx, "app")
		require.NoError(t, err, name)
		require.Equal(t, "App", client.Name, name)
		require.Empty(t, client.SecretHash, name)
		require.False(t, client.Disabled(), name)
		require.ErrorIs(t, second(w.Client(w.ctx, "new")), registry.ErrNotFound, name)
		require.False(t, w.grant("code-"+grantID).Ended(), name)
		require.Empty(t, w.pending(), name)
		keys, err := w.SigningKeys(w.ctx)
		require.NoError(t, err, name)
		require.Len(t, keys, 2, name)
	}
	for _, actor := range []string{"", "a\x00b"} {
		for name, change := range changes(w.By(actor)) {
			require.ErrorIs(t, change(), registry.ErrInvalid, name)
			untouched(name)
		}
	}
	_, err := w.DB().NewDropTable().Table("audit").Exec(w.ctx)
	require.NoError(t, err)
	for name, change := range changes(w.By("admin")) {
		require.Error(t, change(), name)
		untouched(name)
	}
}
