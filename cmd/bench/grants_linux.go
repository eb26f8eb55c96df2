package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/jackc/pgx/v5"
)

// authzConfig is all that an authorization server has to be told; everything else is left as an operator would find it.
const authzConfig = `
listen: {{.Listen}}
issuer: http://{{.Listen}}
admin: {listen: {{.Admin}}, token: a token of the bench for the admin API}
redis_url: "{{.Redis}}"
database_url: "{{.Database}}"
jwt_secret: ` + hostSecret + `
users: {login_url: "https://host.example/sign-in"}
trusted_proxies: [127.0.0.1] # one address may begin only so many requests, and browsers have addresses of their own
keys: {secret: seals the keys of the bench and of nobody}
routes:
  - {path: /balance, methods: [GET], origin: "http://{{.Upstream}}", scope: "{{.Scope}}", credential: headers, description: Read your balance.}
`

const adminToken = "a token of the bench for the admin API"

// authServer is a program whose grants are measured.
type authServer struct {
	name     string // empty: Gatehouse
	grants   []grant
	database string // URL
	// start runs it in a directory, and registers an application there. It returns the process also with an error that comes later.
	start func(ctx context.Context, dir, database string) (*process, *applicant, error)
}

// measureGrants measures each grant once in each round. Postgres runs beside the load, and on the server's core when it finds that
// idle: what it uses is not counted, and the rounds are not repeated for it.
func (b *bench) measureGrants(ctx context.Context) ([]grantResult, error) {
	servers := []authServer{{grants: grants, start: b.startGatehouse}}
	if b.hydra != "" {
		servers = append(servers, authServer{name: hydraName, grants: hydraGrants(), start: b.startHydra})
	}
	for i := range servers {
		database, remove, err := b.newDatabase(ctx)
		if err != nil {
			return nil, fmt.Errorf("a database for the grants: %w", err)
		}
		defer remove()
		servers[i].database = database
	}
	return b.runGrants(ctx, servers, b.grantRound)
}

// runGrants begins each round with another grant. One that fails is left out from then on, and the error says why.
func (b *bench) runGrants(
	ctx context.Context, servers []authServer, measure func(context.Context, authServer, grant) (measured, error),
) ([]grantResult, error) {
	var results []grantResult
	var at []authServer
	for _, g := range servers[0].grants { // the same grant of all servers, one below the other
		for _, server := range servers {
			for _, same := range server.grants {
				if same.name == g.name {
					results, at = append(results, grantResult{grant: same, server: server.name}), append(at, server)
				}
			}
		}
	}
	var problems []error
	failed := make([]bool, len(results))
	for round := range b.rounds {
		for i := range results {
			i = (i + round) % len(results)
			g := &results[i]
			if failed[i] {
				continue
			}
			m, err := measure(ctx, at[i], g.grant)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				failed[i] = true
				problems = append(problems, fmt.Errorf("%s: %w", g.title(), err))
				b.say("round %d: %s: %v", round+1, g.title(), err)
				continue
			}
			g.rounds = append(g.rounds, m)
			b.say("round %d: %-40s %5.0f µs/token  %6.0f tokens/s  core: %3.0f%%", round+1, g.title(), micros(m.perRequest), m.rate,
				100*m.saturation)
		}
	}
	results = slices.DeleteFunc(results, func(g grantResult) bool { return len(g.rounds) < b.rounds })
	return results, errors.Join(problems...)
}

// newDatabase makes an empty database, returns its URL, and notes what Postgres it is.
func (b *bench) newDatabase(ctx context.Context) (string, func(), error) {
	at, err := url.Parse(b.postgres)
	if err != nil {
		return "", nil, err
	}
	connection, err := pgx.Connect(ctx, b.postgres)
	if err != nil {
		return "", nil, err
	}
	name := "bench_" + strings.ToLower(rand.Text())
	_, err = connection.Exec(ctx, "CREATE DATABASE "+name)
	var durable string
	if err == nil {
		err = connection.QueryRow(ctx, "SELECT current_setting('fsync') || current_setting('synchronous_commit')").Scan(&durable)
	}
	if err != nil {
		return "", nil, errors.Join(err, connection.Close(ctx))
	}
	b.postgresVersion = connection.PgConn().ParameterStatus("server_version")
	if durable != "onon" {
		b.postgresVersion += ", which does not wait for its disk"
	}
	at.Path = "/" + name
	return at.String(), func() {
		ctx := context.WithoutCancel(ctx)
		_, _ = connection.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
		_ = connection.Close(ctx)
	}, nil
}

// grantRound starts an authorization server, measures the grant there and stops it.
func (b *bench) grantRound(ctx context.Context, at authServer, g grant) (measured, error) {
	dir, err := os.MkdirTemp(b.dir, "authz")
	if err != nil {
		return measured{}, err
	}
	running, a, err := at.start(ctx, dir, at.database)
	if running != nil {
		defer running.stop()
	}
	if err != nil {
		return measured{}, err
	}
	defer a.client.CloseIdleConnections()
	m, err := b.measureGrant(ctx, running.group, a, g)
	if err != nil && ctx.Err() == nil {
		err = running.failed(err)
	}
	return m, err
}

// startGatehouse runs the server that is built from the sources here.
func (b *bench) startGatehouse(ctx context.Context, dir, database string) (*process, *applicant, error) {
	place := site{
		Upstream: b.services.upstream.address, Redis: b.services.redisURL, Database: database, Scope: tokenScope, Gatehouse: b.binary, Dir: dir,
	}
	var err error
	for _, address := range []*string{&place.Listen, &place.Admin} {
		if *address, err = freeAddress(); err != nil {
			return nil, nil, err
		}
	}
	c, err := (&Contestant{
		Command: []string{"{{.Gatehouse}}", "authz", "--config", "{{.Dir}}/gatehouse.yaml"},
		Files:   map[string]string{"gatehouse.yaml": authzConfig},
	}).at(place)
	if err != nil {
		return nil, nil, err
	}
	if err := c.writeFiles(dir); err != nil {
		return nil, nil, err
	}
	command, environment := onCore(b.core, c.Command, c.environ())
	running, err := startProcess("authz", dir, command, environment)
	if err != nil {
		return nil, nil, err
	}
	if err := running.await(ctx, answers("http://"+place.Admin+"/readyz")); err != nil {
		return running, nil, err
	}
	a, err := newApplicant(ctx, "http://"+place.Listen, "http://"+place.Admin, adminToken, b.grantConnections)
	if err != nil {
		return running, nil, running.failed(err)
	}
	return running, a, nil
}

// measureGrant has each connection get one token after the other, and counts what the server uses once it is warm.
func (b *bench) measureGrant(ctx context.Context, group int, a *applicant, g grant) (measured, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var answered atomic.Int64
	var isMeasured atomic.Bool
	latencies := make([]*hdrhistogram.Histogram, b.grantConnections)
	var connections sync.WaitGroup
	defer connections.Wait()
	for i := range latencies {
		latencies[i] = hdrhistogram.New(minLatency, maxLatency, latencyDigits)
		next, err := g.prepare(ctx, a)
		if err != nil {
			return measured{}, err
		}
		connections.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				if err := next(ctx); err != nil {
					cancel(err)
					return
				}
				answered.Add(1)
				if isMeasured.Load() {
					_ = latencies[i].RecordValue(max(minLatency, time.Since(began).Microseconds()))
				}
			}
		})
	}
	look := func(after time.Duration) (w window, err error) {
		select {
		case <-ctx.Done():
			return w, context.Cause(ctx)
		case <-time.After(after):
		}
		w.used, err = cpuOfGroup(group)
		w.at, w.answered = time.Now(), answered.Load()
		return w, err
	}
	before, err := look(b.warmUp)
	if err != nil {
		return measured{}, err
	}
	isMeasured.Store(true)
	after, err := look(b.duration)
	if err != nil {
		return measured{}, err
	}
	cancel(nil)
	connections.Wait()
	for _, other := range latencies[1:] {
		latencies[0].Merge(other)
	}
	return conclude(before, after, latencies[0])
}
