package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/app"
	"gatehouse/app/config"
	"gatehouse/authz/user"
	"gatehouse/cmd/demoapp"
	"gatehouse/registry"
)

const (
	devUser     = "demo"
	devClientID = "demo"
	readyPoll   = 50 * time.Millisecond
)

// newDev is a command of its own, and no flag of serve, so that nobody serves a demo user by a flag that was left behind.
func newDev() *cobra.Command {
	var dir string
	var port int
	dev := &cobra.Command{
		Use:   "dev",
		Short: "Run it for development, with nothing to set up",
		Long: untilStopped +
			"The same server as serve, on SQLite and an embedded Redis. At the first start it makes a directory with\n" +
			"config.yaml, secrets included, and at each start it goes on with what is there: change that file as you like.\n" +
			"A demo user can sign in as long as lndhub_url is not set, a demo application can be connected, and without\n" +
			"routes in the file there is one that leads to an example. All of it is on this machine only.",
		Example: "  gatehouse dev\n" +
			"  gatehouse dev --dir ~/gatehouse\n" +
			"  gatehouse --config gatehouse-dev/config.yaml client list",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("config") {
				return misused(cmd, errors.New("dev has the configuration that lies in its --dir"))
			}
			return runDev(cmd, dir, port)
		},
	}
	dev.Flags().StringVar(&dir, "dir", "gatehouse-dev", "where its configuration, its secrets and its database are")
	dev.Flags().IntVar(&port, "demo-port", demoapp.Port, "port of the demo application; a free one where it is taken")
	if err := dev.MarkFlagDirname("dir"); err != nil {
		panic(err) // there is no such flag
	}
	return dev
}

func runDev(cmd *cobra.Command, path string, port int) error {
	dir, err := openDevDirectory(path)
	if err != nil {
		return err
	}
	// They are in the shells of those who run oauth2server, or anything that has a PORT, and would put a demo user on the network,
	// or a demo application into a database that others use.
	for _, name := range config.OAuth2ServerVariables() {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	demo := &devDemo{dir: dir, program: nameOfProgram(os.Args[0])}
	defer demo.stop()
	cfg, err := config.LoadForOperator(dir.config(), config.Needs{Redis: true, Keys: true, Routes: true}, os.Environ())
	if err != nil {
		return fmt.Errorf("%w:\n%w", errConfiguration, err)
	}
	if len(cfg.Routes) == 0 {
		if cfg.Routes, err = demo.serveExample(); err != nil {
			return err
		}
	}
	if err := demo.listen(port, &cfg); err != nil {
		return err
	}
	options := app.Options{Role: config.Both}
	if cfg.LNDHubURL == "" {
		demo.password = dir.password
		demoUser := user.Static{Login: devUser, Password: dir.password, Subject: devUser}
		options.Users = []user.Authenticator{&user.Brake{Next: demoUser}}
	}
	if err := cfg.Validate(config.Both); err != nil {
		return fmt.Errorf("%w:\n%w", errConfiguration, err)
	}
	return serveLogged(cmd.Context(), dir.config(), cfg, options, func(ctx context.Context, server *app.App) error {
		if err := awaitReady(ctx, "http://"+server.AdminAddr().String()+"/readyz"); err != nil {
			return err
		}
		if err := demo.open(ctx, server, cfg); err != nil {
			return err
		}
		return demo.tell(cmd.OutOrStdout(), cfg)
	})
}

// awaitReady returns when the server says that it is ready.
func awaitReady(ctx context.Context, url string) error {
	for {
		err := probe(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(readyPoll):
		}
	}
}

// devDemo is what dev has beside the server: the demo application, and an upstream where there is none.
type devDemo struct {
	dir      devDirectory
	program  string
	password string // of the demo user, if there is one
	address  net.Listener
	origin   string // of the demo application; empty until it is served
	servers  []*http.Server
}

// listen opens the demo application's port, and lets browsers use the API from there.
func (d *devDemo) listen(port int, cfg *config.Config) (err error) {
	if d.address, _, err = demoapp.Listen(port); err != nil {
		return fmt.Errorf("demo application: %w", err)
	}
	if origin := demoapp.Origin(d.address); !slices.Contains(cfg.CORS.Origins, "*") && !slices.Contains(cfg.CORS.Origins, origin) {
		cfg.CORS.Origins = append(cfg.CORS.Origins, origin)
	}
	return nil
}

// open registers the demo application and serves it, unless somebody has deleted or disabled its client.
func (d *devDemo) open(ctx context.Context, server *app.App, cfg config.Config) error {
	client := registry.Client{
		ID: devClientID, Name: "Demo application", Public: true,
		RedirectURIs: []string{"http://localhost" + demoapp.CallbackPath}, // at any port
	}
	err := server.Registry().By("dev").CreateClient(ctx, client)
	if err != nil && !errors.Is(err, registry.ErrExists) {
		return fmt.Errorf("register the demo application: %w", err)
	}
	known, err := server.Registry().Client(ctx, devClientID)
	if errors.Is(err, registry.ErrNotFound) || err == nil && known.Disabled() {
		return nil
	}
	if err != nil {
		return err
	}
	settings := demoapp.Settings{
		Origin: demoapp.Origin(d.address), Issuer: cfg.Issuer, ClientID: devClientID, Routes: cfg.Routes,
	}
	if d.password != "" {
		settings.Hint = "Sign in with login “" + devUser + "”. The password is where the server was started."
	}
	d.serve(d.address, demoapp.Handler(settings, nil))
	d.origin = settings.Origin
	return nil
}

func (d *devDemo) serve(on net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	d.servers = append(d.servers, server)
	go func() { _ = server.Serve(on) }() // until stop
}

func (d *devDemo) stop() {
	for _, server := range d.servers {
		_ = server.Close() // nothing is lost: its callers are a page on this machine, and the gateway, which has ended
	}
	if d.address != nil {
		_ = d.address.Close() // it may be closed already, by its server
	}
}

// nameOfProgram is how somebody runs this program once more.
func nameOfProgram(arg string) string {
	if strings.Contains(arg, "/go-build") {
		return "go run ./cmd/server"
	}
	return cmp.Or(arg, "gatehouse")
}
