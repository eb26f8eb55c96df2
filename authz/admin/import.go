package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"gatehouse/authz/internal/text"
	"gatehouse/authz/oauth2server"
	"gatehouse/registry"
)

// ImportOptions are how data of another server is taken over.
type ImportOptions struct {
	// MaxGrants is how many live grants one user may have given one client: of more, the newest are taken.
	MaxGrants int
	// AccessLifespan is how long an access token lives unless a client has asked for another time.
	AccessLifespan time.Duration
}

// ImportRun is how one run is made.
type ImportRun struct {
	Rehearse bool // change nothing, and report what would become of it
	// EndMissing ends the grants of an earlier run whose tokens the source has no longer, also when they are more than
	// those that live there.
	EndMissing bool
}

// ErrSourceEmptied is returned when more grants of an earlier run are gone at the source than live there: it was emptied, or is
// an old copy. Everything else was taken, and nothing was ended.
var ErrSourceEmptied = errors.New("more grants of an earlier run are gone at oauth2server than live there, as if it was emptied or is an old copy")

// ImportReport is what became of the data of another server.
type ImportReport struct {
	// Clients were taken; KnownClients are those that were here already, and stay as they are.
	Clients, KnownClients int
	// DrawnSecrets is how many of the taken ones have a secret that the other server has drawn.
	DrawnSecrets int
	// Refused are clients that could not be taken; Changed are taken ones for which something is different.
	Refused []RefusedClient
	Changed []ChangedClient

	// Grants were taken; KnownGrants were taken before.
	Grants, KnownGrants int
	// RefreshTokens and AccessTokens are those of the taken grants.
	RefreshTokens, AccessTokens int
	// Gone is how many grants of an earlier run have ended because the other server has their tokens no longer.
	Gone int

	// What was not taken, and goes on working nowhere: the older grants of users with more than MaxGrants to a client, by
	// client; those that users have given a client from which they took access back here, by client; those of clients that
	// are not here, by client; tokens of no user; rows that could not be read.
	OverMax     map[string]int
	TakenBack   map[string]int
	OfNoClient  map[string]int
	OfNoUser    int
	Unreadable  int
	LostScopes  map[string]int // scopes of taken grants that no route has, with how many grants have each
	ReadClients int            // how many the other server has
}

// RefusedClient is a client that could not be taken.
type RefusedClient struct {
	ID, Name string
	Why      string
	// Redirects are redirect URIs that it uses and that could be registered instead of its domain.
	Redirects []string
	// Deleted says that a client of this id was deleted here, which nothing can undo.
	Deleted bool
	Public  bool
}

// ChangedClient is a client for which something is different here.
type ChangedClient struct {
	ID, Name string
	Notes    []string
}

// ImportOAuth2Server takes over the clients of oauth2server, and the grants of their users with the tokens that live. It can
// be broken off and run again: what is here is left as it is, and what has ended here stays ended, also where it was refreshed at
// oauth2server since. The report holds what was
// done, also beside an error, which may be ErrSourceEmptied.
func (o *Operator) ImportOAuth2Server(ctx context.Context, source *oauth2server.Source, how ImportRun) (ImportReport, error) {
	began := clock(o.Now)().UTC()
	r := &importing{
		Operator: o,
		report:   ImportReport{OverMax: map[string]int{}, TakenBack: map[string]int{}, OfNoClient: map[string]int{}, LostScopes: map[string]int{}},
		run: registry.Import{
			Source: source.Name(), Run: began, Most: o.Imports.MaxGrants, Rehearse: how.Rehearse, Clients: map[string]bool{},
		},
		seen:       map[string]bool{},
		endMissing: how.EndMissing,
	}
	err := r.clients(ctx, source, began)
	if err == nil {
		err = r.tokens(ctx, source, began)
	}
	if !how.Rehearse {
		o.note(ctx, "imported from oauth2server", slog.Int("clients", r.report.Clients), slog.Int("grants", r.report.Grants))
	}
	return r.report, err
}

// importing is one run.
type importing struct {
	*Operator
	report ImportReport
	run    registry.Import
	seen   map[string]bool // grants, by id

	endMissing bool
}

// tokens takes what lives, and ends what an earlier run has taken and is gone there.
func (r *importing) tokens(ctx context.Context, source *oauth2server.Source, at time.Time) error {
	unreadable, err := source.Tokens(ctx, at, func(page []oauth2server.Token) error { return r.page(ctx, page) })
	r.report.Unreadable = unreadable
	if err != nil {
		return err
	}
	isSeen := func(id string) bool { return r.seen[id] }
	count := r.run
	count.Rehearse = true
	gone, err := r.by().FinishImport(ctx, &count, isSeen)
	switch {
	case err != nil:
		return err
	case gone > len(r.seen) && !r.endMissing:
		return fmt.Errorf("%w: %d gone, %d live", ErrSourceEmptied, gone, len(r.seen))
	}
	r.report.Gone, err = r.by().FinishImport(ctx, &r.run, isSeen)
	return err
}

const importBatch = 500

func (r *importing) page(ctx context.Context, page []oauth2server.Token) error {
	var grants []registry.ImportedGrant
	for _, token := range page {
		if token.UserID == "" {
			r.report.OfNoUser++
			continue
		}
		grants = append(grants, r.grantOf(token))
	}
	for batch := range slices.Chunk(grants, importBatch) {
		outcomes, err := r.by().ImportGrants(ctx, &r.run, batch)
		if err != nil {
			return err
		}
		for i, outcome := range outcomes {
			r.count(&batch[i], outcome)
		}
	}
	return nil
}

func (r *importing) count(grant *registry.ImportedGrant, outcome registry.ImportOutcome) {
	r.seen[grant.ID] = true
	switch outcome {
	case registry.ImportTaken:
		r.report.Grants++
		if grant.Refresh != nil {
			r.report.RefreshTokens++
		}
		if grant.Access != nil {
			r.report.AccessTokens++
		}
		for _, scope := range grant.Scopes {
			if _, ok := r.Scopes[scope]; !ok {
				r.report.LostScopes[scope]++
			}
		}
	case registry.ImportKnown:
		r.report.KnownGrants++
	case registry.ImportNoClient:
		r.report.OfNoClient[grant.ClientID]++
	case registry.ImportOverMost:
		r.report.OverMax[grant.ClientID]++
	case registry.ImportTakenBack:
		r.report.TakenBack[grant.ClientID]++
	}
}

// grantOf is the grant that a pair of tokens comes to. Its id follows from them, so that it is the same in each run.
func (r *importing) grantOf(token oauth2server.Token) registry.ImportedGrant {
	lifespan := token.AccessLifespan.Truncate(time.Second)
	if lifespan < 0 || lifespan == r.Imports.AccessLifespan {
		lifespan = 0 // what is usual here
	}
	grant := registry.ImportedGrant{Grant: registry.Grant{
		ID: importedID(token), ClientID: token.ClientID, Subject: token.UserID, Scopes: token.Scopes, RedirectURI: token.RedirectURI,
		AccessLifespan: lifespan, CreatedAt: token.CreatedAt,
	}}
	if token.Refresh != "" {
		grant.Refresh = &registry.RefreshToken{
			Hash: text.HashToken(token.Refresh), GrantID: grant.ID, CreatedAt: token.RefreshIssuedAt, ExpiresAt: token.RefreshExpiresAt,
		}
	}
	if token.Access != "" {
		grant.Access = &registry.ImportedToken{
			Hash: text.HashToken(token.Access), IssuedAt: token.AccessIssuedAt, ExpiresAt: token.AccessExpiresAt.Truncate(time.Second),
		}
	}
	return grant
}

// importedID is 128 bits of a hash, from which nobody finds the token.
func importedID(token oauth2server.Token) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "grant of oauth2server\n%s\n%s", token.Key, token.ClientID))
	return "o2s" + hex.EncodeToString(digest[:16])
}

// Lost is how many grants were not taken.
func (r *ImportReport) Lost() (count int) {
	for _, of := range []map[string]int{r.OverMax, r.TakenBack, r.OfNoClient} {
		for n := range maps.Values(of) {
			count += n
		}
	}
	return count
}

// ToRegister is how many clients were not taken that an operator can register in another way.
func (r *ImportReport) ToRegister() (count int) {
	for _, c := range r.Refused {
		if !c.Deleted {
			count++
		}
	}
	return count
}
