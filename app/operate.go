package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"strings"
	"time"

	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/budget"
	"gatehouse/authz/outbox"
	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/registry"
)

// Migrate brings the database's schema up to date and tells of each migration that it applied. It blocks as long as ctx
// allows.
func Migrate(ctx context.Context, cfg config.Config, tell func(migration string)) (err error) {
	db, err := registry.Open(ctx, cfg.DatabaseURL.Reveal(), registry.WithPoolSize(1), registry.WithMigrated(tell))
	if err != nil {
		return notOpened(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return advised(db.Migrate(ctx))
}

// Operate opens the database, and the Redis if it is needed, for an operator who works on them directly, whether a
// server runs or not. The actor is who the audit records name. It fails when the schema is not the program's; it changes
// nothing. The caller calls closeAll in the end.
//
// Servers that run are told of clients that are changed where Redis is needed, or is configured and needs.Tells. untold is called where
// they were not: for client.Staleness they may take the client for what it was.
func Operate(
	ctx context.Context, cfg config.Config, needs config.Needs, actor string, untold func(clientID string, err error),
) (_ *admin.Operator, closeAll func() error, err error) {
	patience := registry.WithTimeout(operatorTimeout)
	if needs.Bulk {
		patience = registry.WithTimeout(bulkTimeout)
	}
	db, err := openExisting(ctx, cfg.DatabaseURL.Reveal(), patience)
	if err != nil {
		return nil, nil, err
	}
	denied, closeDenied, err := operatorDenylist(cfg.RedisURL, needs)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("denylist: %w", err), db.Close())
	}
	if changes, ok := denied.(clientChanges); ok {
		tellClientChanges(ctx, db, changes, untold)
	}
	var ledger *budget.Ledger
	if needs.Budgets {
		if ledger, err = newLedger(cfg.Budgets, db); err != nil {
			return nil, nil, errors.Join(err, closeDenied(), db.Close())
		}
	}
	log := slog.New(slog.DiscardHandler) // the audit records are this process's log
	return &admin.Operator{
		Registry:          db,
		Relay:             &outbox.Relay{Registry: db, Denylist: denied, Wait: cfg.Revocation.Wait, Log: log},
		Keyring:           newKeyring(cfg, db, log),
		Scopes:            gateway.Scopes(cfg.Routes),
		MaxAccessLifespan: cfg.AccessToken.MaxLifespan,
		Budgets:           ledger,
		SpendUnits:        gateway.SpendUnits(cfg.Routes),
		Imports:           admin.ImportOptions{MaxGrants: cfg.Grants.MaxPerClient, AccessLifespan: cfg.AccessToken.Lifespan},
		Actor:             actor,
		Log:               log,
	}, func() error { return errors.Join(closeDenied(), db.Close()) }, nil
}

// How long a step of a command may take.
const (
	operatorTimeout = 5 * time.Second
	bulkTimeout     = time.Minute
)

// openExisting opens a database that is there and was migrated.
func openExisting(ctx context.Context, url string, options ...registry.Option) (*registry.Registry, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) { // which registry.Open would create
			return nil, notOpened(fmt.Errorf("%w (`gatehouse migrate` makes it)", err))
		}
	}
	db, err := registry.Open(ctx, url, append(options, registry.WithPoolSize(1))...)
	if err != nil {
		return nil, notOpened(err)
	}
	if err := checkSchema(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func operatorDenylist(url config.SecretURL, needs config.Needs) (_ outbox.Denylist, closeDenied func() error, err error) {
	isNeeded := needs.Redis || needs.Tells && url != ""
	if !isNeeded || url == config.EmbeddedRedis {
		return elsewhere{}, func() error { return nil }, nil
	}
	store, err := denylist.Connect(url.Reveal())
	if err != nil {
		return nil, nil, err
	}
	return store, store.Close, nil
}

// elsewhere is the denylist of another process: what is revoked waits in the registry until that one delivers it.
type elsewhere struct{}

var _ outbox.Denylist = elsewhere{}

var errElsewhere = errors.New("redis_url is " + config.EmbeddedRedis.Reveal() + ", inside of the process that serves")

func (elsewhere) Deny(context.Context, ...denylist.Entry) error { return errElsewhere }

func (elsewhere) Publish(context.Context, ...denylist.Entry) (denylist.Position, error) {
	return denylist.Position{}, errElsewhere
}

// Await has nobody to wait for: what is delivered was delivered by the process that serves, which knows.
func (elsewhere) Await(context.Context, denylist.Position) ([]string, error) { return nil, nil }

func (elsewhere) Reload(context.Context, iter.Seq2[[]denylist.Entry, error]) error {
	return errElsewhere
}

func (elsewhere) Loaded(context.Context) (bool, error) { return false, errElsewhere }
