package cluster_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// books are what the installation has written down about payments, read past it.
type books struct{ db *sql.DB }

func (in *installation) openBooks(t *testing.T) *books {
	t.Helper()
	db, err := sql.Open("pgx", in.database)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return &books{db}
}

// unbalanced are the budgets whose sums are not those of their entries, at one moment.
func (b *books) unbalanced() (budgets []string, err error) {
	rows, err := b.db.Query(`SELECT format('%s %s: spent %s of %s, held %s of %s', b.subject, b.client_id, b.spent, sums.spent, b.held, sums.held)
		FROM gatehouse.budgets b, LATERAL (
			SELECT coalesce(sum(posted) FILTER (WHERE state = 'posted'), 0) AS spent,
				coalesce(sum(held) FILTER (WHERE state IN ('held', 'unknown')), 0) AS held
			FROM gatehouse.spends s WHERE s.subject = b.subject AND s.client_id = b.client_id AND s.unit = b.unit AND s.reserved_at >= b.window_start
		) AS sums WHERE (b.spent, b.held) <> (sums.spent, sums.held) OR b.spent < 0 OR b.held < 0 OR b.spent + b.held > b.most`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, err
		}
		budgets = append(budgets, one)
	}
	return budgets, rows.Err()
}

// entry is a spend, as it is written down.
type entry struct {
	purse
	state, reference  string // a tip has no reference
	held, posted      int64
	reserved, settled time.Time
}

func (b *books) entries(t *testing.T) (all []entry) {
	t.Helper()
	rows, err := b.db.Query(`SELECT subject, client_id, state, lookup, held, posted, reserved_at, coalesce(settled_at, 'epoch') FROM gatehouse.spends`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e entry
		require.NoError(t, rows.Scan(&e.subject, &e.client, &e.state, &e.reference, &e.held, &e.posted, &e.reserved, &e.settled))
		all = append(all, e)
	}
	require.NoError(t, rows.Err())
	return all
}

// passTime makes what has to be found out some day due at once.
func (b *books) passTime(t *testing.T) {
	t.Helper()
	_, err := b.db.Exec("UPDATE gatehouse.spends SET inquire_at = now() WHERE inquire_at > now()")
	require.NoError(t, err)
}

// requireTrue holds the books to what the wallet has paid.
func requireTrue(t *testing.T, entries []entry, truth []execution, purses map[purse]allowance) {
	t.Helper()
	made := map[string]execution{}
	tips := map[purse]int64{}
	for _, e := range truth {
		if e.reference == "" {
			tips[e.purse] += e.charged
			continue
		}
		_, isTwice := made[e.reference]
		require.False(t, isTwice, "%s was paid twice", e.reference)
		made[e.reference] = e
	}
	type window struct {
		purse
		isFirst bool
	}
	executed := map[window]int64{}
	tipsPosted, tipsUnknown := map[purse]int64{}, map[purse]int64{}
	for _, e := range entries {
		in := window{e.purse, e.reserved.Before(purses[e.purse].renews)}
		switch {
		case e.reference == "":
			require.Contains(t, []string{"posted", "voided", "unknown"}, e.state, "a hold without an owner: %+v", e)
			if e.state == "posted" {
				tipsPosted[e.purse] += e.posted
			} else if e.state == "unknown" {
				tipsUnknown[e.purse] += e.held
			}
			executed[in] += e.posted
		case e.state == "posted":
			paid, ok := made[e.reference]
			require.True(t, ok, "it is posted, and was not paid: %+v", e)
			require.Equal(t, paid.charged, e.posted, "%+v", e)
			require.Equal(t, paid.purse, e.purse)
			delete(made, e.reference)
			executed[in] += paid.charged
		default:
			require.Equal(t, "voided", e.state, "a hold without an owner, although the wallet can be asked: %+v", e)
		}
	}
	require.Empty(t, made, "it was paid, and nobody has written it down")
	for who, sum := range tips {
		require.LessOrEqual(t, tipsPosted[who], sum, who)
		require.LessOrEqual(t, sum, tipsPosted[who]+tipsUnknown[who], who)
	}
	for in, sum := range executed {
		require.LessOrEqual(t, sum, purses[in.purse].limit, fmt.Sprint(in))
	}
}
