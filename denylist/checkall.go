package denylist

import "context"

// maxTogether is how many queries of a CheckAll share one round trip: an answer of a few kilobytes, well within the time
// that a check may take.
const maxTogether = 256

// AllChecker is a Checker that answers many queries at less cost than one by one.
type AllChecker interface {
	Checker
	// CheckAll sets answers[i] to what Check would return for queries[i]; both have the same length. It blocks at most as
	// long as one Check for each 256 queries. After a question without an answer it asks no more: the rest is ErrUnknown.
	CheckAll(ctx context.Context, queries []Query, answers []error)
}

var (
	_ AllChecker = (*Store)(nil)
	_ AllChecker = (*Mirror)(nil)
)

// CheckAll does what AllChecker promises with any Checker; one that is no AllChecker is asked about each query by itself.
func CheckAll(ctx context.Context, c Checker, queries []Query, answers []error) {
	if all, ok := c.(AllChecker); ok {
		all.CheckAll(ctx, queries, answers)
		return
	}
	for i, q := range queries {
		answers[i] = c.Check(ctx, q)
	}
}

// CheckAll implements AllChecker with one MGET for every 256 queries.
func (s *Store) CheckAll(ctx context.Context, queries []Query, answers []error) {
	for len(queries) > 0 {
		n := min(maxTogether, len(queries))
		err := ctx.Err()
		if err == nil {
			err = s.checkTogether(queries[:n], answers)
		}
		if err != nil {
			for i := range answers {
				answers[i] = unknown(err)
			}
			return
		}
		queries, answers = queries[n:], answers[n:]
	}
}

func (s *Store) checkTogether(queries []Query, answers []error) error {
	names := append(make([]string, 0, 1+4*len(queries)), epochKey)
	for i := range queries {
		names = queries[i].appendNames(names)
	}
	_, entries, absent, err := s.checks.askFor(names)
	if err != nil {
		return err
	}
	for i := range queries {
		count := queries[i].names()
		answers[i] = verdict(entries[:count], absent)
		entries = entries[count:]
	}
	return nil
}

// CheckAll implements AllChecker from memory, and as Store does when the mirror is too old.
func (m *Mirror) CheckAll(ctx context.Context, queries []Query, answers []error) {
	if m.Staleness() <= m.maxStaleness {
		clear(answers)
	} else {
		m.Store.CheckAll(ctx, queries, answers)
	}
	for i, q := range queries {
		if m.known.denies(q) {
			answers[i] = ErrRevoked
		}
	}
}
