package cluster_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// attacker is a user whom nobody else is, and so is grantMaker, who ends grants: those of the attacks are to last.
	attacker, grantMaker = 100_000, 200_000
	// greed is how many connections an attack keeps at each gateway: more than the upstream's share of one user.
	greed = 160
	// dripping is how long an attack pauses between two bytes.
	dripping = time.Second
	// silentPeers connect from each of silentAddresses and say nothing.
	silentPeers, silentAddresses = 20, 6
)

// attacks go on for as long as the good callers work, who must not notice them. Each is one connection's.
var attacks = []struct {
	name string
	do   func(a *attack, conn net.Conn) error
}{
	{"uploads that drip", (*attack).drip},
	{"downloads that nobody reads", (*attack).readSlowly},
	{"WebSockets that say nothing", (*attack).sayNothing},
}

// attack is one attacker with one grant.
type attack struct {
	soak  *soak
	grant grant
	held  atomic.Int64 // connections that got as far as the upstream
}

// startAttacks begins all attacks; they end with the soak.
func (s *soak) startAttacks() error {
	for _, kind := range attacks {
		g, err := s.application.consentAt(s.in.issuer, attacker)
		if err != nil {
			return err
		}
		a := &attack{soak: s, grant: g}
		s.attacks = append(s.attacks, a)
		for _, gateway := range s.in.gateways {
			for range greed {
				s.wait.Go(func() { a.attackAgain(gateway, kind.do) })
			}
		}
	}
	for _, gateway := range s.in.gateways {
		for address := range silentAddresses {
			for range silentPeers {
				s.wait.Go(func() { s.connectSilently(gateway, net.IPv4(127, 0, 1, byte(1+address))) })
			}
		}
	}
	s.crowd(s.secured)
	s.wait.Go(func() { s.askBesideTheCrowd(s.secured) })
	for range 4 {
		s.wait.Go(s.makeAndEndGrants)
	}
	return nil
}

// attackAgain opens a connection whenever the last one was closed.
func (a *attack) attackAgain(gateway *server, do func(*attack, net.Conn) error) {
	for !a.soak.isOver() {
		conn, err := net.Dial("tcp", gateway.address)
		if err == nil {
			_ = do(a, conn)
			_ = conn.Close()
		}
		a.soak.pause(dripping)
	}
}

func (a *attack) head(line string, lines ...string) string {
	return line + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + a.grant.access + "\r\n" + strings.Join(append(lines, "\r\n"), "\r\n")
}

// drip sends enough for the gateway to take a connection to the upstream, and then hardly anything.
func (a *attack) drip(conn net.Conn) error {
	first := strings.Repeat("x", 20_000)
	_, err := io.WriteString(conn, a.head("POST /soak/upload", "Transfer-Encoding: chunked")+fmt.Sprintf("%x\r\n%s\r\n", len(first), first))
	defer a.hold()()
	for err == nil && !a.soak.isOver() {
		a.soak.pause(dripping)
		_, err = io.WriteString(conn, "1\r\nx\r\n")
	}
	return err
}

// readSlowly asks for more than the buffers on the way hold.
func (a *attack) readSlowly(conn net.Conn) error {
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	_, err := io.WriteString(conn, a.head("GET /soak/download?lines=10000000"))
	defer a.hold()()
	for one := make([]byte, 1); err == nil && !a.soak.isOver(); a.soak.pause(dripping) {
		_, err = conn.Read(one)
	}
	return err
}

// sayNothing waits on an open WebSocket.
func (a *attack) sayNothing(conn net.Conn) error {
	_, err := io.WriteString(conn, a.head("GET /soak/chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
	if err != nil {
		return err
	}
	a.soak.closeWhenOver(conn)
	reader := bufio.NewReader(conn)
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		return err
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		return err
	}
	defer a.hold()()
	_, err = io.Copy(io.Discard, reader)
	return err
}

func (a *attack) hold() (release func()) {
	a.held.Add(1)
	return func() { a.held.Add(-1) }
}

// connectSilently is a peer that never says a word.
func (s *soak) connectSilently(gateway *server, from net.IP) {
	for dialer := (net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}); !s.isOver(); s.pause(dripping) {
		conn, err := dialer.Dial("tcp", gateway.address)
		if err != nil {
			continue
		}
		s.closeWhenOver(conn)
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}
}

// makeAndEndGrants is one user who makes grants and ends them as fast as the server lets him.
func (s *soak) makeAndEndGrants() {
	for !s.isOver() {
		g, err := s.application.consentAt(s.in.issuer, grantMaker)
		if err == nil {
			_, _ = revocations[0].revoke(s.in.authz[0], g)
		}
	}
}

func (s *soak) isOver() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// pause is cut short by the end.
func (s *soak) pause(d time.Duration) {
	select {
	case <-s.stop:
	case <-time.After(d):
	}
}

func (s *soak) closeWhenOver(conn net.Conn) {
	s.wait.Go(func() {
		<-s.stop
		_ = conn.Close()
	})
}
