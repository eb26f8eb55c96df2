package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	flags := flag.NewFlagSet("mock_server", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage) }
	printsTour := flags.Bool("tour", false, "")
	switch err := flags.Parse(os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "mock_server takes no arguments, not %q\n", flags.Arg(0))
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Getenv, *printsTour, os.Stdout, os.Stderr)
	if err != nil && !(ctx.Err() != nil && errors.Is(err, context.Canceled)) { // told to stop while it was starting
		fmt.Fprintln(os.Stderr, "mock_server:", err)
		os.Exit(1)
	}
}
