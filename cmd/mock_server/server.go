package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"gatehouse/app"
	"gatehouse/app/config"
	"gatehouse/authz/client"
	"gatehouse/cmd/demoapp"
	"gatehouse/gateway"
)

const (
	// userJWTLifespan is longer than anybody leaves the mock server running.
	userJWTLifespan = 30 * 24 * time.Hour
	// stopTimeout is how long requests in flight may take to end.
	stopTimeout = 5 * time.Second
	shopAmount  = 2_000 // sat
)

// demo is what the mock server tells about itself.
type demo struct {
	Issuer, Wallet string
	App            string // where the demo application is
	PortTaken      int    // the one where it should have been, or 0
	Routes         []gateway.Route
	Scopes         []string // of the routes
	User           demoUser
	UserJWT        string
	Tokens         tokens
	ShopAmount     int64  // sat
	ShopKey        string // of the shop's node
}

// run serves until ctx ends or something fails, and writes to out what there is to try.
func run(ctx context.Context, getenv func(string) string, printsTour bool, out, logs *os.File) (err error) {
	s, err := readSettings(getenv)
	if err != nil {
		return err
	}
	open, err := openListeners(s)
	if err != nil {
		return err
	}
	defer open.close()

	d := demo{
		Issuer: "http://localhost:" + open.publicPort(),
		Wallet: "http://" + open.wallet.Addr().String(),
		App:    demoapp.Origin(open.demo),
		Routes: s.routes,
		User:   theUser,

		ShopAmount: shopAmount,
		ShopKey:    shopKey,
	}
	if open.demoMoved {
		d.PortTaken = s.demoPort
	}
	if d.Routes == nil {
		d.Routes = walletRoutes(d.Wallet)
	}
	d.Scopes = scopesOf(d.Routes)

	wallet := newWallet(s.jwtSecret, time.Now)
	wallet.returnTo = d.Issuer + "/account/sign-in/return"
	failed := make(chan error, 2)
	stopWallet := serve("demo wallet", open.wallet, wallet.Handler(), failed)
	defer stopWithin(stopWallet, &err)

	logLevel := new(slog.LevelVar)
	logLevel.Set(slog.LevelWarn)
	gatehouse, err := newGatehouse(ctx, s, d, open, newLog(logs, logLevel))
	if err != nil {
		return err
	}
	defer stopWithin(gatehouse.Stop, &err)
	if err := registerClients(ctx, gatehouse.Registry()); err != nil {
		return err
	}
	gatehouse.Serve(open.public, open.admin)
	if err := waitReady(ctx, open.admin.Addr().String()); err != nil {
		return err
	}

	if d.UserJWT, err = userJWT(s.jwtSecret, d.User.ID, time.Now(), userJWTLifespan); err != nil {
		return err
	}
	if d.Tokens, err = obtainTokens(ctx, d.Issuer, demoClients[0], d.UserJWT, d.Scopes); err != nil {
		return err
	}
	steps, err := tour(d)
	if err != nil {
		return err
	}
	stopApp := serve("demo application", open.demo, demoSite(d, wallet, steps), failed)
	defer stopWithin(stopApp, &err)
	printer := newPrinter(out, getenv)
	printer.print(d)
	if printsTour {
		printer.printTour(steps)
	}
	printer.ready()
	logLevel.Set(slog.LevelInfo) // from here on the log shows what the commands do

	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	case err := <-gatehouse.Failed():
		return err
	}
}

// serve answers on the listener until stop is called; failed gets the error when that ends by itself.
func serve(what string, on net.Listener, handler http.Handler, failed chan<- error) (stop func(context.Context) error) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(on); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("%s: %w", what, err)
		}
	}()
	return server.Shutdown
}

// newGatehouse builds the server as it is in production, but for its stores, which are in memory, and its admin API, which
// is open. Logins and passwords are checked by the demo wallet, as lndhub.go does.
func newGatehouse(ctx context.Context, s settings, d demo, open listeners, log *slog.Logger) (*app.App, error) {
	cfg := config.Default()
	cfg.Listen, cfg.Issuer = open.public.Addr().String(), d.Issuer
	cfg.Admin.Listen = open.admin.Addr().String()
	cfg.DatabaseURL, cfg.RedisURL = "sqlite::memory:", "embedded:"
	cfg.Admin.UnknownFields = config.IgnoreFields // as oauth2server's mock server did
	cfg.JWTSecret = config.Secret(s.jwtSecret)
	cfg.Keys.Secret = config.Secret(client.NewSecret())
	cfg.LNDHubURL = d.Wallet
	cfg.Users.LoginURL = d.Wallet + loginPath
	cfg.Routes = d.Routes
	cfg.CORS.Origins = []string{"*"} // applications under development run anywhere
	return app.New(ctx, cfg, app.Options{
		Log:          log,
		PublicAdmin:  true,
		ShortSecrets: true,
	})
}

// stopWithin gives a part the time to end its requests, and adds what did not go well to err.
func stopWithin(stop func(context.Context) error, err *error) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	*err = errors.Join(*err, stop(ctx))
}
