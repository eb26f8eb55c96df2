package registry_test

import (
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// big are the tables that grow with use.
var big = []string{
	"grants", "codes", "refresh_tokens", "revocations", "audit", "imported_grants", "taken_back", "authorization_requests", "sessions", "sign_ins",
	"budgets", "spends", "registrations",
}

// TestPlans: with a million refresh tokens, no statement of the package reads a
// big table from one end to the other; nor does a foreign key that is checked.
func TestPlans(t *testing.T) {
	t.Parallel()
	c := newClock()
	// Not a schema: an index that another test has built beside the traffic would wait for the filling.
	url := registrytest.PostgresDatabase(t)
	r := connect(t, url, registry.WithPoolSize(1), registry.WithNow(c.Now))
	fill(t, r, url+"&search_path=gatehouse")

	statements := &statements{}
	w := &world{Registry: r.WithQueryHook(statements).By("admin"), Clock: c, t: t, ctx: t.Context()}
	before := sequentialScans(t, r)
	useEverything(t, w)
	require.Equal(t, before, sequentialScans(t, r), "among them, foreign keys")

	require.Greater(t, len(statements.texts), 50)
	for _, text := range statements.texts {
		var plan string
		require.NoError(t, r.DB().QueryRowContext(t.Context(), "EXPLAIN (FORMAT JSON) "+text).Scan(&plan), text)
		var decoded any
		require.NoError(t, json.Unmarshal([]byte(plan), &decoded))
		for _, table := range scanned(decoded) {
			require.NotContains(t, big, table, "%s\n%s", text, plan)
		}
	}
}

// TestManyWaitOfOneUser: when very many revocations of one user have just been written, about which Postgres knows nothing
// yet, it reads few of them for each step of their delivery.
func TestManyWaitOfOneUser(t *testing.T) {
	t.Parallel()
	const many, batch = 20_000, 100
	r := connect(t, registrytest.PostgresDatabase(t), registry.WithPoolSize(1))
	require.NoError(t, r.Migrate(t.Context()))
	_, err := r.DB().ExecContext(t.Context(), `INSERT INTO revocations (kind, id, subject, expires_at, created_at, delivered)
		SELECT 'grant', md5('before' || i), 'user' || i, now() + interval '1 hour', now(), true FROM generate_series(1, 1000) AS i`)
	require.NoError(t, err)
	_, err = r.DB().ExecContext(t.Context(), "ANALYZE revocations")
	require.NoError(t, err)
	_, err = r.DB().ExecContext(t.Context(), `INSERT INTO revocations (kind, id, subject, turn, expires_at, created_at, delivered)
		SELECT 'grant', md5('waiting' || i), 'greedy', least(i, 1000), now() + interval '1 year', now(), false FROM generate_series(1, ?) AS i`, many)
	require.NoError(t, err)
	require.NoError(t, r.CreateClient(t.Context(), registry.Client{ID: "app"}))
	other := registry.Grant{ID: "other", ClientID: "app", Subject: "other", CreatedAt: time.Now()}
	_, err = r.Authorize(t.Context(), other, registry.Code{Hash: "code", GrantID: other.ID, ExpiresAt: time.Now().Add(time.Hour)}, 50)
	require.NoError(t, err)
	before := rowsRead(t, r)
	require.NoError(t, r.RedeemCode(t.Context(), "code", nil, time.Now().Add(time.Hour)))
	require.NoError(t, r.EndGrant(t.Context(), other.ID, "revoked"))
	own, err := r.PendingRevocation(t.Context(), registry.KindGrant, other.ID)
	require.NoError(t, err)
	require.Len(t, own, 1)
	require.NoError(t, r.MarkDelivered(t.Context(), own))
	own, err = r.PendingRevocation(t.Context(), registry.KindGrant, other.ID)
	require.NoError(t, err)
	require.Empty(t, own)
	require.Less(t, rowsRead(t, r)-before, int64(50), "of another's")
	before = rowsRead(t, r)
	of, err := r.PendingRevocationsOf(t.Context(), "greedy", batch)
	require.NoError(t, err)
	require.Len(t, of, batch)
	require.NoError(t, r.MarkDelivered(t.Context(), of))
	n, err := r.DeliverNext(t.Context(), batch, func(context.Context, []registry.Revocation) error { return nil })
	require.NoError(t, err)
	require.Equal(t, batch, n)
	require.Less(t, rowsRead(t, r)-before, int64(10*batch))
	left, err := r.PendingRevocationsOf(t.Context(), "greedy", many)
	require.NoError(t, err)
	require.Len(t, left, many-2*batch)
}

// TestMarkingWaitsForNoDisk: who revokes waits for the disk once, when the revocation is written, and not again for the note that
// it was delivered.
func TestMarkingWaitsForNoDisk(t *testing.T) {
	t.Parallel()
	url := registrytest.PostgresDatabase(t)
	require.NoError(t, connect(t, url, registry.WithPoolSize(1)).Migrate(t.Context()))
	db, err := sql.Open("pgx", url+"&search_path=gatehouse")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	for _, statement := range []string{
		"CREATE TABLE waits (operation text, durability text)",
		`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO waits VALUES (TG_OP, current_setting('synchronous_commit')); RETURN NULL; END $$`,
		"CREATE TRIGGER note AFTER INSERT OR UPDATE ON revocations FOR EACH STATEMENT EXECUTE FUNCTION note()",
		"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = on', current_database()); END $$",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	r := connect(t, url, registry.WithPoolSize(1)) // with the new setting
	deliver := map[string]func() error{
		"own": func() error {
			pending, err := r.PendingRevocations(t.Context(), 10)
			require.NoError(t, err)
			return r.MarkDelivered(t.Context(), pending)
		},
		"in turn": func() error {
			return second(r.DeliverNext(t.Context(), 10, func(context.Context, []registry.Revocation) error { return nil }))
		},
	}
	for name, deliver := range deliver {
		require.NoError(t, r.RevokeToken(t.Context(), name, time.Now().Add(time.Hour)))
		require.NoError(t, deliver())
	}
	rows, err := db.QueryContext(t.Context(), "SELECT operation || ' ' || durability FROM waits")
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var waits []string
	for rows.Next() {
		var wait string
		require.NoError(t, rows.Scan(&wait))
		waits = append(waits, wait)
	}
	require.NoError(t, rows.Err())
	// An INSERT that would update on a conflict counts as an UPDATE, too.
	require.ElementsMatch(t, []string{"INSERT on", "UPDATE on", "UPDATE off", "INSERT on", "UPDATE on", "UPDATE off"}, waits)
}

// rowsRead counts the rows of revocations that were read so far.
func rowsRead(t *testing.T, r *registry.Registry) (rows int64) {
	t.Helper()
	_, err := r.DB().ExecContext(t.Context(), "SELECT pg_stat_force_next_flush()")
	require.NoError(t, err)
	require.NoError(t, r.DB().NewRaw("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'revocations'").
		Scan(t.Context(), &rows))
	return rows
}

// useEverything calls each method at least once, for each of its outcomes that
// takes another way through the database.
func useEverything(t *testing.T, w *world) {
	t.Helper()
	later := w.Now().Add(accessLife)
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "app"}))
	require.ErrorIs(t, w.CreateClient(w.ctx, registry.Client{ID: "app"}), registry.ErrExists)
	require.NoError(t, second(w.UpdateClient(w.ctx, "app", func(c *registry.Client) error { c.Name = "App"; return nil })))
	require.NoError(t, w.SetClientSecret(w.ctx, "app", "hash"))
	require.NoError(t, second(w.Clients(w.ctx)))

	ended, refresh := w.redeem()
	require.NoError(t, third(w.RefreshToken(w.ctx, refresh)))
	require.NoError(t, w.rotate(refresh, "next"))
	require.NoError(t, w.rotate(refresh, "next"))
	require.NoError(t, w.EndGrant(w.ctx, ended, "user"))
	require.NoError(t, w.EndGrant(w.ctx, ended, "user"))
	_, refresh = w.redeem()
	require.NoError(t, second(w.use(refresh, "kept", "answer", "scope")))
	require.NoError(t, second(w.use("kept", "kept next", "answer", "scope")))
	w.Advance(usualGrace.Late)
	require.NoError(t, second(w.use("kept", "kept next", "answer", "scope")))
	reused, refresh := w.redeem()
	require.NoError(t, w.rotate(refresh, "another"))
	require.ErrorIs(t, w.rotate(refresh, "thief's"), registry.ErrRefreshReused)
	require.ErrorIs(t, w.RedeemCode(w.ctx, "code-"+reused, nil, later), registry.ErrCodeUsed)
	require.NoError(t, second(w.Grant(w.ctx, reused)))
	require.NoError(t, second(w.ConnectionsOf(w.ctx, "subject 77")))
	require.NoError(t, second(w.LiveGrants(w.ctx, "subject 77", "app", 50)))
	uses := make([]registry.Use, 500)
	for i := range uses {
		uses[i] = registry.Use{GrantID: fmt.Sprintf("%x", md5.Sum(fmt.Append(nil, "grant", grants/2+i))), On: w.Now()}
	}
	require.NoError(t, second(w.RecordUses(w.ctx, uses)))
	ends, err := w.EndGrants(w.ctx, "subject 77", "client 77", "user")
	require.NoError(t, err)
	require.Positive(t, ends)
	ends, err = w.EndGrantsOfSubject(w.ctx, "subject 88", "user")
	require.NoError(t, err)
	require.Positive(t, ends)
	require.NoError(t, w.KeepDocumentClient(w.ctx, described("a"), "subject 77", 3))
	require.NoError(t, w.KeepDocumentClient(w.ctx, described("b"), "subject 77", 3))
	require.NoError(t, second(w.IsBarred(w.ctx, agent)))
	require.NoError(t, w.registers("of its own", 20_000))
	require.NoError(t, w.registers("of its own, in the place of another", 100))
	require.NoError(t, third(w.Registration(w.ctx, "of its own")))
	require.NoError(t, w.UpdateRegistration(w.ctx, w.selfRegistered("of its own"), "{}"))
	require.NoError(t, w.allows("subject 78", "of its own", "of its own"))
	require.NoError(t, second(w.Unregister(w.ctx, "of its own")))
	require.NoError(t, second(w.Unregister(w.ctx, "self 1999")))
	require.NoError(t, w.DisableClient(w.ctx, "client 5", later))
	require.NoError(t, w.DeleteClient(w.ctx, "client 6", later))

	require.NoError(t, w.RevokeToken(w.ctx, "jti", later))
	bounded, err := w.Registry.Authorize(w.ctx, registry.Grant{ID: "bounded", ClientID: "client 94", Subject: "subject 94"},
		registry.Code{Hash: "bounded", ExpiresAt: later}, 1)
	require.NoError(t, err)
	require.NotEmpty(t, bounded)
	require.NoError(t, w.RedeemCode(w.ctx, "bounded", nil, later))
	require.NoError(t, second(w.RevokeTokenOf(w.ctx, "bounded", "jti1", later, 1)))
	require.NoError(t, second(w.RevokeTokenOf(w.ctx, "bounded", "jti2", later, 1)))
	require.NoError(t, second(w.RevokeTokenOf(w.ctx, "bounded", "jti3", later, 1)))
	require.NoError(t, second(w.PendingRevocation(w.ctx, registry.KindGrant, "bounded")))
	require.NoError(t, second(w.PendingRevocationsOf(w.ctx, "subject 94", 100)))
	require.NoError(t, second(w.DeliverNext(w.ctx, 100, func(context.Context, []registry.Revocation) error { return nil })))
	require.True(t, w.revoked("jti", "grant", "client 5"))
	pending, err := w.PendingRevocations(w.ctx, 500)
	require.NoError(t, err)
	require.NoError(t, w.MarkDelivered(w.ctx, pending[:5]))
	page, err := w.LiveRevocations(w.ctx, registry.Revocation{}, 500)
	require.NoError(t, err)
	require.NoError(t, second(w.LiveRevocations(w.ctx, page[499], 500)))

	importEverything(t, w)

	require.NoError(t, second(w.AddSigningKey(w.ctx, always, registry.SigningKey{ID: "k1"})))
	require.NoError(t, second(w.AddSigningKey(w.ctx, always, registry.SigningKey{ID: "k2"})))
	require.NoError(t, w.DeleteSigningKeys(w.ctx, "k1"))
	require.NoError(t, second(w.SigningKeys(w.ctx)))
	require.NoError(t, w.RetainSigningKey(w.ctx, "k2", time.Hour))
	require.NoError(t, second(w.RevokeSigningKey(w.ctx, "k2", later, later, registry.SigningKey{ID: "k3"})))
	require.NoError(t, second(w.KeyRevoked(w.ctx, "k2")))
	revoked, err := w.KeyRevocations(w.ctx, true)
	require.NoError(t, err)
	require.NoError(t, w.MarkKeysDelivered(w.ctx, revoked))
	w.ask("r1")
	require.NoError(t, second(w.AuthorizationRequest(w.ctx, "r1")))
	require.NoError(t, w.BeginSession(w.ctx, w.session("s1", "subject 5"), "before", "r1", 2))
	require.NoError(t, second(w.Session(w.ctx, "s1")))
	require.NoError(t, w.TouchSession(w.ctx, "s1", later.Add(sessionIdle)))
	require.NoError(t, third(w.AuthorizeRequest(w.ctx, "r1", "s1", registry.Grant{ID: "asked", ClientID: "app", Subject: "ann"},
		registry.Code{Hash: "asked", ExpiresAt: later}, manyGrants, []string{"left:out"})))
	require.NoError(t, w.RenewCode(w.ctx, "r1", "s1", "asked again", later))
	require.ErrorIs(t, w.RefuseRequest(w.ctx, "r1", "s1"), registry.ErrRequestUsed)
	for i := range 4 {
		w.Advance(time.Second)
		require.NoError(t, w.push("app", fmt.Sprint("p", i), 1, 2))
	}
	require.NoError(t, w.BeginPushedRequest(w.ctx, "p3", "browser", later))
	require.ErrorIs(t, w.BeginPushedRequest(w.ctx, "p3", "another", later), registry.ErrRequestUsed)
	w.signInAtHost("state")
	require.NoError(t, w.AnswerSignIn(w.ctx, "state", "answer", "ann"))
	require.NoError(t, second(w.FinishSignIn(w.ctx, "state", "answer", "browser")))
	require.NoError(t, w.EndSession(w.ctx, "s1"))
	ends, err = w.EndSessionsOf(w.ctx, "subject 7")
	require.NoError(t, err)
	require.Positive(t, ends)
	spendEverything(t, w)
	records, err := w.Audit(w.ctx, registry.AuditRecord{}, 5)
	require.NoError(t, err)
	require.NoError(t, second(w.Audit(w.ctx, records[4], 100)))

	removed, err := w.Purge(w.ctx, margin, 500)
	require.NoError(t, err)
	require.Greater(t, removed, 6*expired, "revocations, codes, grants and their tokens")
}

func spendEverything(t *testing.T, w *world) {
	t.Helper()
	w.allowSpending(100, 50, "day")
	w.allowSpending(100, 50, "month")
	require.NoError(t, second(w.EnsureBudget(w.ctx, registry.Budget{BudgetKey: budgetOfAnn, Period: "day"}, windows)))
	require.NoError(t, second(w.BudgetsOf(w.ctx, "subject 5")))
	for _, state := range []string{registry.Unknown, registry.Posted, registry.Voided} {
		require.NoError(t, w.reserve(state, 1))
		require.Error(t, w.reserve(state, 1))
		w.settle(state, state, 0)
	}
	require.Error(t, w.reserve("more", 51))
	page, err := w.Spends(w.ctx, "subject 5", "client 5", registry.Spend{}, 20)
	require.NoError(t, err)
	require.Len(t, page, 20)
	require.NoError(t, second(w.Spends(w.ctx, "subject 5", "client 5", page[19], 20)))
	unknown, err := w.UnknownSpends(w.ctx, registry.Spend{}, 20)
	require.NoError(t, err)
	require.Len(t, unknown, 20)
	require.NoError(t, second(w.UnknownSpends(w.ctx, unknown[19], 20)))
	require.NoError(t, second(w.Unsettled(w.ctx)))
	require.NoError(t, second(w.IsSpentAgain(w.ctx, page[0])))
	due, err := w.ClaimInquiries(w.ctx, time.Minute, 10, []string{"POST /silent"})
	require.NoError(t, err)
	require.Len(t, due, 10)
	removed, err := w.PurgeSpends(w.ctx, w.Now(), 100)
	require.NoError(t, err)
	require.Equal(t, 100, removed)
}

const (
	tokens  = 1_000_000
	grants  = tokens / 4 // three of each grant's were rotated
	expired = 2000       // grants, codes and revocations that purging finds
)

// fill makes a database as it is after a year, just before a purge: most of it is
// needed. It fills the tables of the first version, so that the indexes of later
// ones are made as in production.
func fill(t *testing.T, r *registry.Registry, url string) {
	t.Helper()
	require.NoError(t, r.MigrateFrom(t.Context(), only(t, r, "0001")))
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	db.SetMaxOpenConns(1)
	exec := func(statement string, args ...any) {
		_, err := db.ExecContext(t.Context(), statement, args...)
		require.NoError(t, err, statement)
	}
	exec("SET session_replication_role = replica") // the foreign keys are right
	exec(`INSERT INTO clients (id, name, url, image_url, domain, public, secret_hash, created_at, updated_at)
		SELECT 'client ' || i, '', '', '', '', false, '', $1, $1 FROM generate_series(0, 499) AS i`, start)
	// Identifiers and hashes tell nothing of when they were made; inserted in their
	// own order, they are inserted faster.
	exec(`INSERT INTO grants (id, client_id, subject, redirect_uri, access_lifespan, created_at, access_expires_at, ended_at, end_reason)
		SELECT md5('grant' || i), 'client ' || i % 500, 'subject ' || i % 20000, '', 0,
			$1::timestamptz + (i - $2 * 4) * interval '1 second' - interval '1 hour',
			$1::timestamptz + (i - $2) * interval '1 second' - interval '2 hours',
			CASE WHEN i % 10 = 9 THEN $1::timestamptz END, ''
		FROM generate_series(1, $3::int) AS i ORDER BY 1`, start, expired, grants)
	exec(`INSERT INTO codes (hash, grant_id, challenge, challenge_method, redirect_uri, expires_at, used_at)
		SELECT md5('code' || i), md5('grant' || i), '', '', '',
			$1::timestamptz + (i - $2) * interval '1 second' - interval '25 hours', $1
		FROM generate_series(1, $3::int) AS i ORDER BY 1`, start, expired, grants)
	exec(`INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at, used_at, successor_hash)
		SELECT md5('token' || i), md5('grant' || i / 4 + 1), $1,
			$1::timestamptz + (i / 4 - $2) * interval '1 second' - interval '2 hours',
			CASE WHEN i % 4 < 3 THEN $1::timestamptz END, CASE WHEN i % 4 < 3 THEN md5('token' || i + 1) ELSE '' END
		FROM generate_series(0, $3::int - 1) AS i ORDER BY 1`, start, expired, tokens)
	exec(`INSERT INTO revocations (kind, id, expires_at, created_at, delivered)
		SELECT CASE WHEN i % 2 = 0 THEN 'token' ELSE 'grant' END, md5('revoked' || i),
			$1::timestamptz + (i - $2) * interval '1 second' - interval '1 hour', $1, i % 1000 > 0
		FROM generate_series(1, $3::int) AS i ORDER BY 1, 2`, start, expired, grants/2)
	require.NoError(t, r.Migrate(t.Context()))
	exec(`INSERT INTO audit (at, actor, action, target, detail)
		SELECT $1, 'admin', 'client.update', 'client', '' FROM generate_series(1, 100000)`, start)
	exec(`INSERT INTO imported_grants (grant_id, source, refresh_hash, access_hash, access_issued_at, access_expires_at, expires_at, seen_at, delivered)
		SELECT md5('grant' || i), 'elsewhere', md5('token' || i * 4), md5('access' || i), $1,
			$1::timestamptz + (i - $2) * interval '1 second' - interval '2 hours',
			$1::timestamptz + (i - $2) * interval '1 second' - interval '2 hours', $1, i % 1000 > 0
		FROM generate_series(1, $3::int) AS i ORDER BY 1`, start, expired, grants)
	exec(`INSERT INTO import_sources (source) VALUES ('elsewhere')`)
	exec(`INSERT INTO taken_back (subject, client_id, taken_back_at) SELECT 'subject ' || i, 'client ' || i % 500, $1
		FROM generate_series(1, $2::int) AS i ORDER BY 1`, start, grants)
	exec(`INSERT INTO authorization_requests (id, browser_hash, client_id, parameters, created_at, expires_at, session_hash, grant_id)
		SELECT md5('request' || i), md5('browser' || i), 'client 1', '{}', $1,
			$1::timestamptz + (i - $2) * interval '1 second' - interval '1 hour', '', ''
		FROM generate_series(1, 100000) AS i ORDER BY 1`, start, expired)
	exec(`INSERT INTO sessions (hash, subject, name, method, signed_in_at, idle_until, ends_at)
		SELECT md5('session' || i), 'subject ' || i % 20000, '', 'password', $1,
			$1::timestamptz + (i - $2) * interval '1 second' - interval '1 hour', $1
		FROM generate_series(1, 100000) AS i ORDER BY 1`, start, expired)
	exec(`INSERT INTO sign_ins (state_hash, browser_hash, request_id, expires_at, answer_hash, subject)
		SELECT md5('state' || i), md5('browser' || i), '', $1::timestamptz + (i - $2) * interval '1 second' - interval '1 hour', '', ''
		FROM generate_series(1, 100000) AS i ORDER BY 1`, start, expired)
	exec(`INSERT INTO clients (id, name, url, image_url, domain, public, secret_hash, created_at, updated_at, fingerprint, kept_until)
		SELECT 'self ' || i, '', '', '', '', true, '', $1, $1, 'a', $1::timestamptz + (i - $2) * interval '1 second' - interval '1 hour'
		FROM generate_series(1, 20000) AS i`, start, expired)
	exec(`INSERT INTO registrations (client_id, token_hash, metadata, created_at, used_at)
		SELECT 'self ' || i, '', '{}', $1::timestamptz - i * interval '1 hour', CASE WHEN i % 100 > 0 THEN $1::timestamptz END FROM generate_series(1, 20000) AS i`, start)
	exec(`INSERT INTO budgets (subject, client_id, unit, most, most_at_once, period, revision, window_start, spent, held)
		SELECT 'subject ' || i % 20000, 'client ' || i % 500, 'sat', 1000, -1, 'day', 1, $1, 0, 0 FROM generate_series(1, 20000) AS i`, start)
	exec(`INSERT INTO spends (id, subject, client_id, unit, once, route, lookup, state, held, posted, reserved_at, inquire_at, inquiries)
		SELECT md5('spend' || i), 'subject ' || i % 1000, 'client ' || i % 500, 'sat', md5('once' || i), '', '',
			CASE WHEN i % 1000 = 0 THEN 'unknown' ELSE 'posted' END, 1, 1, $1::timestamptz - i * interval '1 second',
			CASE WHEN i % 1000 = 0 THEN $1::timestamptz END, 0
		FROM generate_series(1, 50000) AS i ORDER BY 1`, start)
	exec("ANALYZE")
}

// sequentialScans counts, for each big table, how often it was read as a whole.
func sequentialScans(t *testing.T, r *registry.Registry) map[string]int64 {
	t.Helper()
	_, err := r.DB().ExecContext(t.Context(), "SELECT pg_stat_force_next_flush()")
	require.NoError(t, err)
	var rows []struct {
		Table string `bun:"relname"`
		Scans int64  `bun:"seq_scan"`
	}
	require.NoError(t, r.DB().NewRaw("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN (?)",
		bun.List(big)).Scan(t.Context(), &rows))
	require.Len(t, rows, len(big))
	scans := map[string]int64{}
	for _, row := range rows {
		scans[row.Table] = row.Scans
	}
	return scans
}

// statements collects what is run and has a plan.
type statements struct{ texts []string }

func (*statements) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (s *statements) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	switch strings.Fields(event.Query)[0] {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
		s.texts = append(s.texts, event.Query)
	}
}

// scanned names the tables that a plan reads sequentially.
func scanned(plan any) (tables []string) {
	switch node := plan.(type) {
	case []any:
		for _, child := range node {
			tables = append(tables, scanned(child)...)
		}
	case map[string]any:
		if kind, _ := node["Node Type"].(string); strings.Contains(kind, "Seq Scan") {
			tables = append(tables, fmt.Sprint(node["Relation Name"]))
		}
		for _, child := range node {
			tables = append(tables, scanned(child)...)
		}
	}
	return tables
}
