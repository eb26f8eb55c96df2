package cluster_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

const (
	// securedPlaces is how many connections the gateway with TLS serves at once. Each of silentAddresses takes its whole
	// share of them, so that no place is free for long.
	securedPlaces = 96
	// inTurn is longer than it takes until those who came before have been disconnected, handshake and all.
	inTurn = 90 * time.Second
	// besideTheCrowd is the habit of the one who asks there.
	besideTheCrowd = "request beside silent peers under TLS"
)

// secured is a gateway with TLS, and what a good caller of it knows.
type secured struct {
	*server
	caller *http.Client
}

// installSecured adds a gateway with TLS to an installation that runs.
func (in *installation) installSecured() *secured {
	in.t.Helper()
	certificate, dir := gatewaytest.NewCertificate(in.t, 1, "127.0.0.1"), in.t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate.Write(in.t, certFile, keyFile)
	s := newServer(in.t, "gateway with TLS", "gateway", append(slices.Clone(in.environment),
		"GATEHOUSE_KEYS_JWKS_URL="+in.issuer+"/.well-known/jwks.json",
		"GATEHOUSE_TLS_CERT_FILE="+certFile, "GATEHOUSE_TLS_KEY_FILE="+keyFile,
		fmt.Sprint("GATEHOUSE_LIMITS_CONNECTIONS=", securedPlaces),
		fmt.Sprint("GATEHOUSE_LIMITS_CONNECTIONS_PER_ADDRESS=", securedPlaces/silentAddresses)))
	s.launch()
	require.Eventually(in.t, s.ready, patience, 50*time.Millisecond, "%s did not start", s.name)
	return &secured{server: s, caller: &http.Client{
		Timeout:   inTurn,
		Transport: &http.Transport{TLSClientConfig: certificate.Trusted(), DisableKeepAlives: true},
	}}
}

// crowd is more silent peers than the gateway has places for: they never begin the handshake.
func (s *soak) crowd(at *secured) {
	for address := range silentAddresses {
		for range silentPeers {
			s.wait.Go(func() { s.connectSilently(at.server, net.IPv4(127, 0, 1, byte(1+address))) })
		}
	}
}

// askBesideTheCrowd is a good caller, whose every request needs a connection of its own. It may have to wait for a place, and
// is never left without an answer.
func (s *soak) askBesideTheCrowd(at *secured) {
	const user = attacker + 1
	g, err := s.application.consentAt(s.in.issuer, user)
	for ; err == nil && !s.isOver(); s.pause(dripping) {
		if err := at.ask(g.access); err != nil {
			s.record(besideTheCrowd, user, errors.New("a good token's request: "+err.Error())) // none of those that may stay unanswered
		} else {
			s.record(besideTheCrowd, user, nil)
		}
	}
	s.record("consent of one who asks beside silent peers", user, err)
}

func (s *secured) ask(access string) error {
	request, err := http.NewRequest(http.MethodGet, "https://"+s.address+"/balance", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+access)
	response, err := s.caller.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}
