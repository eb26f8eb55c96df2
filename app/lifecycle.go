package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"gatehouse/gateway/listener"
)

// Start begins to listen, and returns when all listeners accept connections. Failed tells when serving ends by itself.
// When Start fails, call Stop.
func (a *App) Start(ctx context.Context) error {
	var config net.ListenConfig
	public, err := config.Listen(ctx, "tcp", a.config.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	admin, err := config.Listen(ctx, "tcp", a.config.Admin.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for admin: %w", err), public.Close())
	}
	if a.budgets != nil {
		budgets, err := config.Listen(ctx, "tcp", a.config.Budgets.Listen)
		if err != nil {
			return errors.Join(fmt.Errorf("listen for budgets: %w", err), public.Close(), admin.Close())
		}
		a.budgetAddr = budgets.Addr()
		a.serveHTTP("budget listener", a.budgets, budgets)
	}
	a.Serve(public, admin)
	return nil
}

// Serve begins to serve on listeners that are open already. The public one is of TCP. Both are the App's from then on. It
// does not block.
func (a *App) Serve(public, admin net.Listener) {
	a.publicAddr, a.adminAddr = public.Addr(), admin.Addr()
	a.accepting = listener.New(public, a.callers)
	a.serveUntilItFails("public listener", func() error { return a.public.Listener(a.accepting) })
	a.serveHTTP("admin listener", a.admin, admin)
	build := ThisBuild()
	a.log.Info("serving", "listen", a.publicAddr.String(), "admin", a.adminAddr.String(), "issuer", a.config.Issuer,
		"version", build.Version, "commit", build.Commit)
}

func (a *App) serveHTTP(part string, server *http.Server, on net.Listener) {
	a.serveUntilItFails(part, func() error {
		if err := server.Serve(on); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
}

// Failed yields the error of a listener that stopped serving without being told to.
func (a *App) Failed() <-chan error { return a.failed }

// Addr is the address that the public listener has; nil before Start.
func (a *App) Addr() net.Addr { return a.publicAddr }

// AdminAddr is the address that the admin listener has; nil before Start.
func (a *App) AdminAddr() net.Addr { return a.adminAddr }

// BudgetAddr is the address at which gateways on their own are answered; nil before Start, and where they are not.
func (a *App) BudgetAddr() net.Addr { return a.budgetAddr }

// Stop ends the process without losing a request. The App is not ready any more, goes on for shutdown.delay, so that load
// balancers see it, and closes each connection with its next answer. Then it accepts no more connections, waits for at
// most shutdown.timeout until the requests in flight are answered, and closes everything else. The end of ctx cuts both
// waits short. Stop returns what did not go well. The App cannot be used after it.
func (a *App) Stop(ctx context.Context) error {
	a.health.draining.Store(true)
	return errors.Join(a.drain(ctx), a.closeParts())
}

func (a *App) drain(ctx context.Context) error {
	if a.accepting == nil {
		return nil
	}
	select {
	case <-ctx.Done():
	case <-time.After(a.config.Shutdown.Delay):
	}
	ctx, cancel := context.WithTimeout(ctx, a.config.Shutdown.Timeout)
	defer cancel()
	var problems []error
	if err := errors.Join(a.accepting.Drain(), a.gateway.Drain(ctx), a.drainServer(ctx)); err != nil {
		problems = append(problems, fmt.Errorf("drain public listener: %w", err))
	}
	if a.budgetAddr != nil { // after the public one: what was reserved is settled
		if err := a.budgets.Shutdown(ctx); err != nil {
			problems = append(problems, fmt.Errorf("drain budget listener: %w", err), a.budgets.Close())
		}
	}
	if a.admin.Shutdown(ctx) != nil { // whoever still asks for health or metrics is no reason to report a failure
		problems = append(problems, a.admin.Close())
	}
	return errors.Join(problems...)
}

// idleInterval is how often drainServer looks whether the last connection is closed.
const idleInterval = 10 * time.Millisecond

// drainServer waits for the requests in flight, and for connections whose close takes a moment. The server looks only now and
// then whether it still has requests, so that its time may be over before it has seen that the last one has ended.
func (a *App) drainServer(ctx context.Context) error {
	err := a.public.ShutdownWithContext(ctx)
	for !a.accepting.Idle() {
		select {
		case <-ctx.Done():
			return err
		case <-time.After(idleInterval):
		}
	}
	return nil
}
