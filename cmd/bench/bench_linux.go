package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"gatehouse/keys"
)

// settings are what the flags say.
type settings struct {
	rounds      int
	repeats     int // of a round in which others used too much of the core
	warmUp      time.Duration
	duration    time.Duration
	connections int
	known       int    // how many tokens come again and again
	freshRate   int    // how many fresh tokens are signed for each second of a round
	core        int    // of the contestants; -1 for the last one
	gatehouse   string // the server's binary; empty to build it
	only        []string
	files       []string
	postgres    string // URL of a server on which databases can be made; empty: no grants are measured

	grantConnections int
}

// bench is one run.
type bench struct {
	settings
	dir         string
	binary      string // of the server
	contestants []Contestant
	withGrants  bool
	mint        *mint
	services    *services
	tokens      map[Tokens][]string
	public      map[string]string // files of public keys, by algorithm
	repeated    int               // rounds that were thrown away so far
	progress    io.Writer

	postgresVersion string
	hydra           string // the program; empty when it is not installed
}

// newBench finds out who takes part, builds the gateway, signs the tokens and starts the services. They use all cores
// until it returns, and then those that are not the contestants'.
func newBench(ctx context.Context, s settings, dir string, progress io.Writer) (*bench, error) {
	b := &bench{settings: s, dir: dir, tokens: map[Tokens][]string{}, public: map[string]string{}, progress: progress}
	if err := b.chooseContestants(); err != nil {
		return nil, err
	}
	if b.binary = b.gatehouse; b.binary == "" && (b.withGrants || slices.ContainsFunc(b.contestants, Contestant.isGatehouse)) {
		b.binary = filepath.Join(dir, "gatehouse")
		if err := buildGatehouse(ctx, b.binary); err != nil {
			return nil, err
		}
	}
	if err := b.signTokens(); err != nil {
		return nil, err
	}
	if err := b.divideCores(); err != nil {
		return nil, err
	}
	var err error
	b.services, err = startServices(ctx, dir, b.mint)
	return b, err
}

// onlyGrants is what -only calls the grants.
const onlyGrants = "grants"

// chooseContestants leaves out who is not wanted, and who is not installed.
func (b *bench) chooseContestants() error {
	all, err := readContestants(b.files)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	b.withGrants = len(b.only) == 0 || slices.Contains(b.only, onlyGrants)
	for _, name := range b.only {
		if name == onlyGrants {
			wanted[name] = true
			continue
		}
		found := named(all, name)
		if len(found) == 0 {
			return fmt.Errorf("no contestant is named like %q", name)
		}
		for _, c := range found {
			wanted[c.Name] = true
		}
	}
	for _, c := range all {
		if len(wanted) > 0 && !wanted[c.Name] {
			continue
		}
		if !c.isGatehouse() {
			if _, err := exec.LookPath(c.Command[0]); err != nil {
				b.say("left out: %s, because %s is not installed", c.Name, c.Command[0])
				continue
			}
		}
		b.contestants = append(b.contestants, c)
	}
	if b.withGrants && b.postgres == "" {
		b.say("left out: the grants, because no Postgres is named (-postgres)")
		b.withGrants = false
	}
	if b.withGrants {
		if b.hydra = findHydra(); b.hydra == "" {
			b.say("left out: %s, because hydra is not installed", hydraName)
		}
	}
	if len(b.contestants) == 0 && !b.withGrants {
		return errors.New("no contestant is left")
	}
	if took := b.warmUp + b.duration; took > longestProving && slices.ContainsFunc(b.contestants, Contestant.needsProofs) {
		return fmt.Errorf("a round with proofs can last %v at most, and not %v: they are made before it, and the gateway takes no old ones", longestProving, took)
	}
	return nil
}

func buildGatehouse(ctx context.Context, file string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", file, "gatehouse/cmd/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, output)
	}
	return nil
}

func (b *bench) signTokens() (err error) {
	if b.mint, err = newMint(); err != nil {
		return err
	}
	for _, algorithm := range []string{keys.ES256, keys.RS256} {
		if b.public[algorithm], err = b.mint.writePublic(b.dir, algorithm); err != nil {
			return err
		}
	}
	for _, c := range b.contestants {
		kind := c.Tokens
		if kind.Algorithm == "" || b.tokens[kind] != nil {
			continue
		}
		count := b.known
		if kind.Fresh {
			count = b.freshCount()
		}
		b.say("signing %d tokens with %s", count, kind.Algorithm)
		if b.tokens[kind], err = b.mint.sign(kind, count); err != nil {
			return err
		}
	}
	return nil
}

// freshCount is how many requests of a round can show what no other has shown.
func (b *bench) freshCount() int {
	return int(float64(b.freshRate) * (b.warmUp + b.duration).Seconds())
}

// shown is what the requests of one round show. Proofs are made for each round, shortly before it: they are soon too old.
func (b *bench) shown(kind Tokens) ([]credential, error) {
	if kind.Bound {
		return b.mint.prove(b.tokens[kind], b.freshCount())
	}
	return bearers(b.tokens[kind]), nil
}

// divideCores keeps one core for the contestants, and everything else on the others.
func (b *bench) divideCores() error {
	cores, err := availableCores()
	if err != nil {
		return err
	}
	if len(cores) < 2 {
		return errors.New("two cores are needed: one for the contestants, one for the load")
	}
	if b.core < 0 {
		b.core = cores[len(cores)-1]
	}
	if !slices.Contains(cores, b.core) {
		return fmt.Errorf("there is no core %d, only %v", b.core, cores)
	}
	others := slices.DeleteFunc(cores, func(core int) bool { return core == b.core })
	runtime.GOMAXPROCS(2 + len(others)) // the load and the upstream hold two
	return stayOn(others)
}

// run measures everybody once in each round, and begins each round with another contestant. A contestant that fails is
// left out from then on, and the error says why. There are no results when the machine is too busy to measure on.
func (b *bench) run(ctx context.Context, measure func(context.Context, Contestant) (measured, error)) ([]result, error) {
	results := make([]result, len(b.contestants))
	var problems []error
	failed := map[string]bool{}
	for round := range b.rounds {
		for i := range b.contestants {
			at := (i + round) % len(b.contestants)
			c := b.contestants[at]
			if failed[c.Name] {
				continue
			}
			m, err := undisturbed(b.repeats, func() (measured, error) { return measure(ctx, c) }, func(m measured) {
				b.repeated++
				b.say("round %d: %-28s is repeated: others used %.0f%% of the core", round+1, c.Name, 100*m.others)
			})
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if errors.Is(err, errTooBusy) { // the next contestant would meet the same
				return nil, fmt.Errorf("round %d: %s: %w", round+1, c.Name, err)
			}
			if err != nil {
				b.say("round %d: %v", round+1, err)
				failed[c.Name] = true
				problems = append(problems, err)
				continue
			}
			results[at] = result{c, append(results[at].rounds, m)}
			b.say("round %d: %-28s %6.1f µs/request  %6.0f requests/s  core: %3.0f%%, others %2.0f%%", round+1, c.Name,
				micros(m.perRequest), m.rate, 100*m.saturation, 100*m.others)
		}
	}
	results = slices.DeleteFunc(results, func(r result) bool { return failed[r.Name] || len(r.rounds) == 0 })
	return results, errors.Join(problems...)
}

// round starts a contestant, measures it and stops it: whatever it remembers, it learned in this round.
func (b *bench) round(ctx context.Context, c Contestant) (measured, error) {
	if c.Tokens.Bound {
		if err := b.services.forget(ctx); err != nil {
			return measured{}, err
		}
	}
	running, c, err := b.start(ctx, c)
	if err != nil {
		return measured{}, err
	}
	defer running.stop()
	if err := b.refuses(ctx, &c); err != nil {
		return measured{}, running.failed(err)
	}
	shown, err := b.shown(c.Tokens)
	if err != nil {
		return measured{}, err
	}
	l, err := newLoad(c.Target, shown, c.Tokens.Fresh || c.Tokens.Bound, b.connections)
	if err != nil {
		return measured{}, err
	}
	defer l.close()
	runtime.GC() // now rather than while it is measured
	m, err := b.measure(ctx, running.group, l)
	if err != nil && ctx.Err() == nil {
		err = running.failed(err)
	}
	return m, err
}

// start runs a contestant on its core and waits until it is ready. The contestant it returns has its templates filled in.
func (b *bench) start(ctx context.Context, c Contestant) (*process, Contestant, error) {
	dir, err := os.MkdirTemp(b.dir, "contestant")
	if err != nil {
		return nil, c, err
	}
	place := site{
		Dir: dir, Upstream: b.services.upstream.address, Redis: b.services.redisURL,
		JWKS: "http://" + b.services.jwks.Addr().String(), Issuer: tokenIssuer, Scope: tokenScope,
		ES256: b.public[keys.ES256], RS256: b.public[keys.RS256], Gatehouse: b.binary,
	}
	for _, address := range []*string{&place.Listen, &place.Admin} {
		if *address, err = freeAddress(); err != nil {
			return nil, c, err
		}
	}
	if c, err = c.at(place); err != nil {
		return nil, c, err
	}
	if err := c.writeFiles(dir); err != nil {
		return nil, c, err
	}
	command, environment := onCore(b.core, c.Command, c.environ())
	running, err := startProcess(c.Name, dir, command, environment)
	if err != nil {
		return nil, c, err
	}
	if err := running.await(ctx, answers(c.Ready)); err != nil {
		running.stop()
		return nil, c, err
	}
	return running, c, nil
}

func (b *bench) stop() {
	if b.services != nil {
		b.services.stop()
	}
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }
