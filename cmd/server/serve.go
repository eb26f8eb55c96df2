package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/app"
	"gatehouse/app/config"
)

const (
	startTimeout = time.Minute
	// logDelay is how long lines of the access log are gathered, to be written together.
	logDelay = 100 * time.Millisecond
	// logPatience is how long a process that ends waits for its log to be written.
	logPatience = 2 * time.Second
)

const untilStopped = "Runs until SIGINT or SIGTERM, then answers what is in flight and stops. A second signal stops at once.\n"

func newServe(configPath *string) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the authorization server and the gateway in one process",
		Long: untilStopped +
			"The database schema is migrated and the first signing key is made at start.",
		Example: "  gatehouse serve --config config.yaml\n" +
			"  GATEHOUSE_DATABASE_URL=sqlite:gatehouse.db GATEHOUSE_REDIS_URL=embedded: gatehouse serve",
		Args: cobra.NoArgs,
		RunE: runRole(configPath, config.Both),
	}
}

func newAuthz(configPath *string) *cobra.Command {
	return &cobra.Command{
		Use:   "authz",
		Short: "Run an authorization server without a gateway",
		Long: untilStopped +
			"Any number may run on one database and one Redis. The routes are needed for their scopes.",
		Example: "  gatehouse authz --config config.yaml",
		Args:    cobra.NoArgs,
		RunE:    runRole(configPath, config.AuthzOnly),
	}
}

func newGateway(configPath *string) *cobra.Command {
	return &cobra.Command{
		Use:   "gateway",
		Short: "Run a gateway on its own",
		Long: untilStopped +
			"It needs Redis and the JWKS URL of the authorization server (keys.jwks_url), and neither a database nor a\n" +
			"signing key. Any number may run beside each other.",
		Example: "  GATEHOUSE_KEYS_JWKS_URL=http://authz:8081/.well-known/jwks.json gatehouse gateway",
		Args:    cobra.NoArgs,
		RunE:    runRole(configPath, config.GatewayOnly),
	}
}

func runRole(configPath *string, role config.Role) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		cfg, err := load(*configPath, role)
		if err != nil {
			return err
		}
		return serveLogged(cmd.Context(), *configPath, cfg, app.Options{Role: role}, nil)
	}
}

// serveLogged serves with the log that is configured, on standard error. started is called once the server accepts
// connections; nil for nothing more to do then.
func serveLogged(
	ctx context.Context, configPath string, cfg config.Config, options app.Options, started func(context.Context, *app.App) error,
) error {
	signal.Ignore(syscall.SIGPIPE) // a server outlives whoever reads its log
	lines := &app.LogBuffer{Out: os.Stderr, Delay: logDelay}
	defer func() { _ = lines.Flush(logPatience) }() // there is nobody left to tell
	options.Log = app.NewLogger(cfg.Log, lines)
	return namingDatabase(serve(ctx, cfg, options, started), cfg, configPath)
}

func serve(ctx context.Context, cfg config.Config, options app.Options, started func(context.Context, *app.App) error) error {
	for _, warning := range cfg.Warnings(options.Role) {
		options.Log.Warn("configuration", "warning", warning)
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	gatehouse, err := app.New(starting, cfg, options)
	if err != nil {
		return err
	}
	err = gatehouse.Start(starting)
	if err == nil && started != nil {
		err = started(starting, gatehouse)
	}
	if err == nil {
		select {
		case <-ctx.Done():
			options.Log.Info("stopping")
		case err = <-gatehouse.Failed():
		}
	}
	if stopErr := gatehouse.Stop(context.WithoutCancel(ctx)); stopErr != nil && err == nil {
		err = stopErr
	}
	return err
}
