package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// ImportedGrant is a grant that a user gave at another server, with what the client
// holds of it.
type ImportedGrant struct {
	// Grant has the same ID each time that it is imported. AccessExpiresAt, EndedAt and
	// EndReason are ignored.
	Grant
	Refresh *RefreshToken  // nil: there is none
	Access  *ImportedToken // nil: there is none
}

// ImportedToken is an access token of another server, known by its hash. Its jti is
// the ID of its grant.
type ImportedToken struct {
	Hash      string
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// importedRow outlives its grant, so that what has ended here is not imported again.
type importedRow struct {
	bun.BaseModel   `bun:"table:imported_grants,alias:ig"`
	GrantID         string    `bun:"grant_id,pk"`
	Source          string    `bun:"source"`
	RefreshHash     string    `bun:"refresh_hash"`
	AccessHash      string    `bun:"access_hash,nullzero"`
	AccessIssuedAt  time.Time `bun:"access_issued_at,nullzero"`
	AccessExpiresAt time.Time `bun:"access_expires_at,nullzero"`
	ExpiresAt       time.Time `bun:"expires_at"`
	SeenAt          time.Time `bun:"seen_at"`
	Delivered       bool      `bun:"delivered"`
}

// ImportOutcome is what became of an ImportedGrant.
type ImportOutcome int

// The outcomes of Import.Grants.
const (
	ImportTaken     ImportOutcome = iota
	ImportKnown                   // it was taken before, whatever has become of it since
	ImportNoClient                // the client does not exist, was deleted or disabled
	ImportOverMost                // the user has given the client so many grants already
	ImportTakenBack               // what the user had allowed the client was ended here after an earlier import
)

// Import takes grants over from one source. A run calls Grants with everything that
// lives at the source, the newest first, and then Finish. It can be broken off at any
// moment and run again. Its methods are not safe for concurrent use; several runs
// beside each other are.
type Import struct {
	Source string    // tells it from other sources
	Run    time.Time // when the run began: the same for all of its calls
	// Most is how many live grants a user may have given a client, at least 1.
	Most int
	// Rehearse changes nothing, and says what would become of it.
	Rehearse bool
	// Clients exist in a rehearsal although they do not yet.
	Clients map[string]bool

	rehearsed map[consent]int
}

// consent is whom a user has allowed something.
type consent struct {
	Subject  string `bun:"subject"`
	ClientID string `bun:"client_id"`
}

func (g *ImportedGrant) consent() consent { return consent{g.Subject, g.ClientID} }

func (g *ImportedGrant) check() error {
	if g.Refresh == nil && g.Access == nil {
		return fmt.Errorf("%w: a grant without a token", ErrInvalid)
	}
	problems := []error{g.Grant.check(), g.Refresh.check()}
	if g.Access != nil {
		problems = append(problems, checkIDs(g.Access.Hash), checkTimes(g.Access.IssuedAt, g.Access.ExpiresAt))
	}
	return errors.Join(problems...)
}

// ImportGrants takes a batch of grants, in one transaction, and says what became of
// each. A grant that a user has at this server is never ended for one of another.
func (r *Registry) ImportGrants(ctx context.Context, run *Import, batch []ImportedGrant) (outcomes []ImportOutcome, err error) {
	if err := errors.Join(checkIDs(run.Source), checkTimes(run.Run)); err != nil {
		return nil, err
	}
	if run.Most < 1 {
		return nil, fmt.Errorf("%w: a user may have at least one grant", ErrInvalid)
	}
	for i := range batch {
		if err := batch[i].check(); err != nil {
			return nil, err
		}
	}
	if len(batch) == 0 {
		return nil, nil
	}
	err = r.inTx(ctx, "import grants", func(ctx context.Context, tx bun.Tx) error {
		if !run.Rehearse {
			if err := r.beginTaking(ctx, tx, run.Source); err != nil {
				return err
			}
		}
		if outcomes, err = r.judgeImport(ctx, tx, run, batch); err != nil || run.Rehearse {
			return err
		}
		return r.takeImport(ctx, tx, run, batch, outcomes)
	})
	return outcomes, err
}

// judgeImport decides about each grant, and changes nothing.
func (r *Registry) judgeImport(ctx context.Context, tx bun.Tx, run *Import, batch []ImportedGrant) ([]ImportOutcome, error) {
	ids, clients := make([]string, len(batch)), make([]string, len(batch))
	consents := map[consent]bool{}
	for i := range batch {
		ids[i], clients[i] = batch[i].ID, batch[i].ClientID
		consents[batch[i].consent()] = true
	}
	var known, usable []string
	err := tx.NewSelect().Model((*importedRow)(nil)).Column("grant_id").Where("grant_id IN (?)", bun.List(ids)).Scan(ctx, &known)
	if err != nil {
		return nil, err
	}
	// Shared until the commit, as in Authorize: who deletes the client either comes first, or sees the new grants.
	err = r.locking(tx.NewSelect().Model((*clientRow)(nil)), "SHARE").Column("id").
		Where("id IN (?)", bun.List(clients)).Where("deleted_at IS NULL").Where("disabled_at IS NULL").Order("id").Scan(ctx, &usable)
	if err != nil {
		return nil, err
	}
	live, err := r.countLive(ctx, tx, consents)
	if err != nil {
		return nil, err
	}
	takenBack, err := r.findTakenBack(ctx, tx, consents)
	if err != nil {
		return nil, err
	}
	isKnown, isUsable := setOf(known), setOf(usable)
	outcomes := make([]ImportOutcome, len(batch))
	for i := range batch {
		of := batch[i].consent()
		switch {
		case isKnown[batch[i].ID]:
			outcomes[i] = ImportKnown
		case !isUsable[of.ClientID] && !(run.Rehearse && run.Clients[of.ClientID]):
			outcomes[i] = ImportNoClient
		case takenBack[of]:
			outcomes[i] = ImportTakenBack
		case live[of]+run.rehearsed[of] >= run.Most:
			outcomes[i] = ImportOverMost
		case run.Rehearse:
			run.rehearse(of)
		default:
			live[of]++
		}
		isKnown[batch[i].ID] = isKnown[batch[i].ID] || outcomes[i] == ImportTaken // the same one again
	}
	return outcomes, nil
}

func (run *Import) rehearse(of consent) {
	if run.rehearsed == nil {
		run.rehearsed = map[consent]int{}
	}
	run.rehearsed[of]++
}

// countLive counts the live grants of each of the pairs.
func (r *Registry) countLive(ctx context.Context, tx bun.Tx, of map[consent]bool) (map[consent]int, error) {
	pairs := make([]consent, 0, len(of))
	for pair := range of {
		pairs = append(pairs, pair)
	}
	var counted []struct {
		consent `bun:",extend"`
		Live    int `bun:"live"`
	}
	err := tx.NewSelect().With("pair", tx.NewValues(&pairs)).Model((*grantRow)(nil)).
		Column("g.subject", "g.client_id").ColumnExpr("count(*) AS live").
		Join("JOIN pair ON pair.subject = g.subject AND pair.client_id = g.client_id").
		Where("g.ended_at IS NULL").Group("g.subject", "g.client_id").Scan(ctx, &counted)
	live := make(map[consent]int, len(of))
	for _, row := range counted {
		live[row.consent] = row.Live
	}
	return live, err
}

func setOf(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, one := range list {
		set[one] = true
	}
	return set
}
