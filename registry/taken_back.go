package registry

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// takenBackRow notes that what the subject had allowed the client was ended here, since
// grants of another server were first taken over. It stays for good: that server may
// have refreshed the grant meanwhile, and what it has then cannot be told from a new
// consent.
type takenBackRow struct {
	bun.BaseModel `bun:"table:taken_back,alias:tb"`
	Subject       string    `bun:"subject,pk"`
	ClientID      string    `bun:"client_id,pk"`
	TakenBackAt   time.Time `bun:"taken_back_at"`
}

// importSourceRow is a server from which grants were ever taken over. Where there is
// none, nothing is noted.
type importSourceRow struct {
	bun.BaseModel `bun:"table:import_sources,alias:src"`
	Source        string `bun:"source,pk"`
}

// takesBack reports whether who ends a grant for this reason does not want it any
// longer. The grant that was refreshed at its source goes on there, and of one that was
// replaced the user has newer ones.
func takesBack(reason string) bool { return reason != endedGone && reason != endedReplaced }

// noteTakenBack notes whose grants have ended, all of one subject.
func (r *Registry) noteTakenBack(ctx context.Context, tx bun.Tx, ended []grantRow) error {
	if len(ended) == 0 {
		return nil
	}
	imports, err := tx.NewSelect().Model((*importSourceRow)(nil)).Exists(ctx)
	if err != nil || !imports {
		return err
	}
	rows := make([]takenBackRow, len(ended))
	for i := range ended {
		rows[i] = takenBackRow{Subject: ended[i].Subject, ClientID: ended[i].ClientID, TakenBackAt: r.clock()}
	}
	slices.SortFunc(rows, func(a, b takenBackRow) int { return strings.Compare(a.ClientID, b.ClientID) })
	_, err = tx.NewInsert().Model(&rows).On("CONFLICT DO NOTHING").Returning("NULL").Exec(ctx)
	return err
}

// findTakenBack returns those of the pairs that were taken back.
func (r *Registry) findTakenBack(ctx context.Context, tx bun.Tx, of map[consent]bool) (map[consent]bool, error) {
	pairs := make([]consent, 0, len(of))
	for pair := range of {
		pairs = append(pairs, pair)
	}
	var found []consent
	err := tx.NewSelect().With("pair", tx.NewValues(&pairs)).Model((*takenBackRow)(nil)).Column("tb.subject", "tb.client_id").
		Join("JOIN pair ON pair.subject = tb.subject AND pair.client_id = tb.client_id").Scan(ctx, &found)
	takenBack := make(map[consent]bool, len(found))
	for _, pair := range found {
		takenBack[pair] = true
	}
	return takenBack, err
}

// beginTaking notes the source, and keeps grants from being ended until the transaction
// ends: see whileNothingIsTaken.
func (r *Registry) beginTaking(ctx context.Context, tx bun.Tx, source string) error {
	if err := r.lockImports(ctx, tx, "pg_advisory_xact_lock"); err != nil {
		return err
	}
	_, err := tx.NewInsert().Model(&importSourceRow{Source: source}).On("CONFLICT DO NOTHING").Returning("NULL").Exec(ctx)
	return err
}

// whileNothingIsTaken keeps imports out until the transaction ends. Who takes something
// back either comes first, and the import sees the note, or finds what was taken over.
func (r *Registry) whileNothingIsTaken(ctx context.Context, tx bun.Tx) error {
	return r.lockImports(ctx, tx, "pg_advisory_xact_lock_shared")
}

// lockImports takes a lock where transactions run beside each other.
func (r *Registry) lockImports(ctx context.Context, tx bun.Tx, function string) error {
	if !r.onPostgres() {
		return nil
	}
	_, err := tx.NewRaw("SELECT ?(hashtextextended(current_schema(), ?))", bun.Safe(function), importLock).Exec(ctx)
	return err
}

const importLock = 0x696d706f // "impo"
