package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
)

// printer tells what the mock server has to tell, once it serves.
type printer interface {
	print(d demo)
	printTour(steps []step)
	ready() // is the last
}

// newPrinter writes for people when out is a terminal, and otherwise JSON lines.
func newPrinter(out *os.File, getenv func(string) string) printer {
	if !isTerminal(out) {
		return jsonPrinter{slog.New(slog.NewJSONHandler(out, nil))}
	}
	return textPrinter{out: out, bold: getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"}
}

// newLog writes text to a terminal, and otherwise JSON lines.
func newLog(to *os.File, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if isTerminal(to) {
		return slog.New(slog.NewTextHandler(to, options))
	}
	return slog.New(slog.NewJSONHandler(to, options))
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// jsonPrinter writes one line for each fact and each command; what they are is in msg, which stays as it is.
type jsonPrinter struct{ log *slog.Logger }

func (p jsonPrinter) print(d demo) {
	p.log.Info("demo application", "url", d.App, "port_taken", d.PortTaken, "tour", d.App+"/tour")
	p.log.Info("user", "id", d.User.ID, "login", d.User.Login, "password", d.User.Password, "jwt", d.UserJWT)
	for _, u := range demoUsers {
		if u.IsSuspended {
			p.log.Info("suspended user", "id", u.ID, "login", u.Login, "password", u.Password)
		}
	}
	for _, c := range demoClients {
		p.log.Info("client", "id", c.ID, "secret", c.Secret, "public", c.Secret == "", "redirect_uri", demoRedirect,
			"redirect_uris", demoRedirects)
	}
	p.log.Info("listening", "service", "gatehouse", "url", d.Issuer)
	p.log.Info("listening", "service", "wallet", "url", d.Wallet)
	p.log.Info("tokens", "client_id", demoClients[0].ID, "access_token", d.Tokens.AccessToken,
		"refresh_token", d.Tokens.RefreshToken, "scope", d.Tokens.Scope)
}

func (p jsonPrinter) printTour(steps []step) {
	for i, s := range steps {
		p.log.Info("command", "step", i+1, "name", s.name, "says", s.says, "command", s.command)
	}
}

func (p jsonPrinter) ready() { p.log.Info("ready") }

// textPrinter writes for a person at a terminal. The commands start at the left edge: all of them can be pasted at once.
type textPrinter struct {
	out  io.Writer
	bold bool
}

func (p textPrinter) print(d demo) {
	fmt.Fprintf(p.out, "Open %s, a demo application: connect it, look at the balance, pay, disconnect it.\n", p.strong(d.App))
	if d.PortTaken != 0 {
		fmt.Fprintf(p.out, "(Port %d, where it usually is, is taken: so it is on another.)\n", d.PortTaken)
	}
	fmt.Fprintf(p.out, "For development: the secrets below are no secrets, and everything is gone when it stops (Ctrl-C).\n\n")

	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, u := range demoUsers {
		suspended := ""
		if u.IsSuspended {
			suspended = ", suspended by the wallet"
		}
		fmt.Fprintf(table, "user\t%d\tlogin %s, password %s%s\n", u.ID, u.Login, u.Password, suspended)
	}
	for _, c := range demoClients {
		secret := "secret " + c.Secret
		if c.Secret == "" {
			secret = "public: no secret, PKCE"
		}
		fmt.Fprintf(table, "client\t%s\t%s, redirect URIs %s\n", c.ID, secret, strings.Join(demoRedirects, " and "))
	}
	fmt.Fprintf(table, "server\t%s\tauthorization server and gateway\n", d.Issuer)
	fmt.Fprintf(table, "wallet\t%s\tdemo upstream, behind the gateway\n", d.Wallet)
	_ = table.Flush() // writes to the terminal, like everything here

	fmt.Fprintf(p.out, "\n%s\n%s\n", p.strong("User JWT, signed with JWT_SECRET"), d.UserJWT)
	fmt.Fprintf(p.out, "\n%s\n%s\n", p.strong("Access token of user and client "+demoClients[0].ID), d.Tokens.AccessToken)
	fmt.Fprintf(p.out, "\n%s\n%s\n", p.strong("Refresh token"), d.Tokens.RefreshToken)
	fmt.Fprintf(p.out, "\nThe same as commands to paste: curl -s %s/tour\n", d.App)
}

// printTour prints headings that are commands, too: an interactive zsh would run a comment.
func (p textPrinter) printTour(steps []step) {
	for i, s := range steps {
		fmt.Fprintf(p.out, "\n%s\n%s\n", p.strong(fmt.Sprintf("echo '%d. %s'", i+1, s.says)), s.command)
	}
	fmt.Fprintln(p.out)
}

// ready has nothing to add: who reads this sees that it serves.
func (p textPrinter) ready() {}

func (p textPrinter) strong(text string) string {
	if !p.bold {
		return text
	}
	return "\x1b[1m" + text + "\x1b[0m"
}
