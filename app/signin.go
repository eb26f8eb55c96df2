package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/authz/user"
)

// What becomes of a login and a password.
const (
	signInGood        = "good"
	signInWrong       = "wrong"
	signInSuspended   = "suspended"
	signInBraked      = "braked"
	signInUnavailable = "unavailable"
)

// signIn checks logins and passwords at lndhub.go, slows down who guesses, asks later whether users were suspended, and
// counts what comes of it. It is safe for concurrent use.
type signIn struct {
	next     user.Authenticator
	lndhub   user.Standing
	outcomes *prometheus.CounterVec
	checks   *prometheus.CounterVec
}

var (
	_ user.Authenticator = (*signIn)(nil)
	_ user.Standing      = (*signIn)(nil)
)

func (a *App) newSignIn() (*signIn, error) {
	secured, err := a.config.LNDHubTLS()
	if err != nil {
		return nil, fmt.Errorf("lndhub: %w", err)
	}
	lndhub := user.NewLNDHub(a.config.LNDHubURL, []byte(a.config.JWTSecret.Reveal()), secured)
	return &signIn{
		next: &user.Brake{Next: lndhub}, lndhub: lndhub,
		outcomes: a.metrics.countSignIns(), checks: a.metrics.countStandingChecks(),
	}, nil
}

// Authenticate implements user.Authenticator.
func (s *signIn) Authenticate(ctx context.Context, proof user.Proof) (string, error) {
	subject, err := s.next.Authenticate(ctx, proof)
	if !errors.Is(err, user.ErrNotApplicable) {
		s.outcomes.WithLabelValues(signInOutcome(err)).Inc()
	}
	return subject, err
}

// CheckStanding implements user.Standing.
func (s *signIn) CheckStanding(ctx context.Context, subject string) error {
	err := s.lndhub.CheckStanding(ctx, subject)
	s.checks.WithLabelValues(signInOutcome(err)).Inc()
	return err
}

func signInOutcome(err error) string {
	var denied *user.DeniedError
	var braked *user.BrakedError
	switch {
	case err == nil:
		return signInGood
	case errors.As(err, &denied):
		return signInWrong
	case errors.As(err, &braked):
		return signInBraked
	case errors.Is(err, user.ErrSuspended):
		return signInSuspended
	default:
		return signInUnavailable
	}
}

func (m *metrics) countSignIns() *prometheus.CounterVec {
	outcomes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_sign_ins_total",
		Help: "Logins with a password, by what became of them.",
	}, []string{"outcome"})
	m.registry.MustRegister(outcomes)
	for _, outcome := range []string{signInGood, signInWrong, signInSuspended, signInBraked, signInUnavailable} {
		outcomes.WithLabelValues(outcome)
	}
	return outcomes
}

func (m *metrics) countStandingChecks() *prometheus.CounterVec {
	outcomes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_standing_checks_total",
		Help: "Refreshes, and applications allowed in a session, for whose user lndhub.go was asked, by what it said.",
	}, []string{"outcome"})
	m.registry.MustRegister(outcomes)
	for _, outcome := range []string{signInGood, signInSuspended, signInUnavailable} {
		outcomes.WithLabelValues(outcome)
	}
	return outcomes
}

// callerKey finds where a mounted handler's request comes from.
type callerKey struct{}

// callerOf is where a request comes from, according to trusted_proxies.
func callerOf(r *http.Request) netip.Addr {
	caller, _ := r.Context().Value(callerKey{}).(netip.Addr)
	return caller
}
