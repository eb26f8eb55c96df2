package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/app"
)

const (
	startTimeout = time.Minute
	// drainTimeout is how long requests in flight may take after the signal to stop.
	drainTimeout = 25 * time.Second
)

func newServe(configPath *string) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the authorization server and the gateway in one process",
		Long: "Runs until SIGINT or SIGTERM, then answers what is in flight and stops. A second signal stops at once.\n" +
			"The database schema is migrated and the first signing key is made at start.",
		Example: "  server serve --config config.yaml\n" +
			"  GATEHOUSE_DATABASE_URL=sqlite:gatehouse.db GATEHOUSE_REDIS_URL=embedded: server serve",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := load(*configPath)
			if err != nil {
				return err
			}
			log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
			return serve(cmd.Context(), config, log)
		},
	}
}

func serve(ctx context.Context, config app.Config, log *slog.Logger) error {
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	gatehouse, err := app.New(starting, config, app.Options{Log: log})
	if err != nil {
		return err
	}
	err = gatehouse.Start(starting)
	if err == nil {
		select {
		case <-ctx.Done():
			log.Info("stopping")
		case err = <-gatehouse.Failed():
		}
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if stopErr := gatehouse.Stop(draining); stopErr != nil && err == nil {
		err = stopErr
	}
	return err
}
