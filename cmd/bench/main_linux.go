package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:])
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case ctx.Err() != nil:
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	s := settings{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&s.rounds, "rounds", 5, "how often everybody is measured, in turn")
	flags.IntVar(&s.repeats, "repeats", 10, "how often to repeat a round in which others used over a tenth of the core, before the run fails")
	flags.DurationVar(&s.warmUp, "warm-up", 2*time.Second, "load before a round is measured")
	flags.DurationVar(&s.duration, "duration", 5*time.Second, "how long a round is measured")
	flags.IntVar(&s.connections, "connections", 32, "how many connections send requests")
	flags.IntVar(&s.known, "tokens", 2000, "how many tokens come again and again")
	flags.IntVar(&s.freshRate, "fresh-rate", 12_000, "how many fresh tokens to sign for each second of a round")
	flags.IntVar(&s.core, "core", -1, "the core of the contestants; -1 is the last one")
	flags.StringVar(&s.gatehouse, "gatehouse", "", "the server's binary; empty: built from the sources here")
	flags.Func("only", "comma-separated names, or beginnings of names, of those who take part, and grants for the grants; default all", list(&s.only))
	flags.Func("contestants", "file with more contestants; may be repeated", list(&s.files))
	flags.StringVar(&s.postgres, "postgres", os.Getenv("TEST_POSTGRES_URL"),
		"URL of a Postgres on which databases can be made, for the grants of the authorization server; empty: they are left out")
	flags.IntVar(&s.grantConnections, "grant-connections", 16, "how many connections ask for tokens")
	withMemory := flags.Bool("memory", true, "also measure the memory of a gateway with many tokens and revocations")
	write := flags.String("write", "", "folder of benchmarks.md, which gets the figures, and of benchmarks.svg")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := newBench(ctx, s, dir, os.Stderr)
	if err != nil {
		return err
	}
	defer b.stop()
	r, err := b.report(ctx, *withMemory)
	if r != nil {
		fmt.Println(r)
	}
	if err == nil && *write != "" {
		err = writeDocument(*write, r)
	}
	return err
}

// report is nil when nothing could be measured.
func (b *bench) report(ctx context.Context, withMemory bool) (*report, error) {
	results, err := b.run(ctx, b.round)
	r := &report{results: results}
	if len(results) > 0 {
		r.machine = b.describe(ctx)
	}
	if withMemory && len(results) > 0 {
		var memoryErr error
		r.memory, memoryErr = b.measureMemory(ctx)
		err = errors.Join(err, memoryErr)
	}
	if b.withGrants {
		var grantsErr error
		if r.grants, grantsErr = b.measureGrants(ctx); len(r.grants) > 0 {
			r.grantsMachine = b.describeGrants(ctx)
		}
		err = errors.Join(err, grantsErr)
	}
	if len(r.results)+len(r.grants) == 0 {
		return nil, err
	}
	return r, err
}

func list(into *[]string) func(string) error {
	return func(text string) error {
		*into = append(*into, strings.Split(text, ",")...)
		return nil
	}
}
