package cluster_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// soakCaller is patient with large bodies.
var soakCaller = &http.Client{
	Timeout:   time.Minute,
	Transport: &http.Transport{MaxIdleConnsPerHost: soakUsers, IdleConnTimeout: time.Second},
}

// soakUser is one user with one grant.
type soakUser struct {
	*soak
	grant
}

// habits are what each user does again and again. The error is what must never happen.
var habits = []struct {
	name string
	do   func(*soakUser) error
}{
	{"balance", (*soakUser).readBalance},
	{"garbage", (*soakUser).sendGarbage},
	{"balance", (*soakUser).readBalance},
	{"refresh", (*soakUser).refresh},
	{"upload", (*soakUser).upload},
	{"revoked", (*soakUser).useRevoked},
	{"download", (*soakUser).download},
	{"consent", (*soakUser).consentAgain},
	{"balance", (*soakUser).readBalance},
	{"events", (*soakUser).listen},
	{"bad upstream", (*soakUser).meetBadUpstream},
	{"revoke", (*soakUser).revoke},
	{"chat", (*soakUser).chat},
	{"going away", (*soakUser).goAway},
}

func (u *soakUser) gateway() *server { return u.in.gateways[rand.IntN(len(u.in.gateways))] }

func (u *soakUser) mark() string { return mark(strconv.Itoa(u.user)) }

// ask sends a request with the user's token.
func (u *soakUser) ask(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, u.gateway().url()+"/soak/"+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+u.access)
	return soakCaller.Do(request)
}

// expect reads an answer that has to be good and to be this user's.
func (u *soakUser) expect(method, path string, body io.Reader, want string) error {
	response, err := u.ask(context.Background(), method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return unexpected{status: response.StatusCode, body: string(text)}
	case string(text) != want || response.Header.Get("X-User") != strconv.Itoa(u.user):
		return fmt.Errorf("%s answers what is another's: %.100q", path, text)
	}
	return nil
}

func (u *soakUser) readBalance() error { return u.expect(http.MethodGet, "balance", nil, u.mark()) }

func (u *soakUser) download() error {
	lines := rand.IntN(100_000)
	return u.expect(http.MethodGet, fmt.Sprintf("download?lines=%d", lines), nil, strings.Repeat(u.mark(), lines))
}

func (u *soakUser) upload() error {
	body := bytes.Repeat([]byte(u.mark()), rand.IntN(200_000))
	want := fmt.Sprintf("%s%x", u.mark(), sha256.Sum256(body))
	if rand.IntN(4) > 0 {
		return u.expect(http.MethodPost, "upload", bytes.NewReader(body), want)
	}
	return u.expect(http.MethodPost, "upload", &slowly{body: body, step: max(len(body)/5, 1)}, want)
}

// slowly is a body of unknown length that pauses.
type slowly struct {
	body []byte
	step int
}

func (s *slowly) Read(p []byte) (int, error) {
	if len(s.body) == 0 {
		return 0, io.EOF
	}
	time.Sleep(20 * time.Millisecond)
	n := copy(p, s.body[:min(s.step, len(s.body))])
	s.body = s.body[n:]
	return n, nil
}

func (u *soakUser) sendGarbage() error {
	token := []byte(u.access)
	token[rand.IntN(len(token))] ^= byte(1 + rand.IntN(63))
	got, err := send(http.MethodGet, u.gateway().url()+"/soak/balance", "Bearer "+strconv.QuoteToASCII(string(token)), "", "")
	if err == nil && got.status < 400 {
		err = fmt.Errorf("a token that was altered passes: %d", got.status)
	}
	return err
}

// refresh goes on with the successor. Without an answer the grant is given up: whoever comes with the old refresh token
// later ends it.
func (u *soakUser) refresh() error {
	next, err := u.refreshed(u.in.issuer)
	if err != nil {
		return errors.Join(err, u.consentAgain())
	}
	u.grant = next
	return nil
}

func (u *soakUser) consentAgain() error {
	next, err := u.soak.application.consentAt(u.in.issuer, u.user)
	if err == nil {
		u.grant = next
	}
	return err
}

// revoke takes a grant of its own back and waits until it is refused everywhere, from when on it must never pass. A
// WebSocket that was opened with it ends.
func (u *soakUser) revoke() error {
	g, err := u.soak.application.consentAt(u.in.issuer, u.user)
	if err != nil {
		return err
	}
	socket, err := u.open(g)
	if err != nil {
		return err
	}
	defer func() { _ = socket.CloseNow() }()
	if _, err := succeed(http.StatusOK)(revocations[rand.IntN(2)].revoke(u.in.authz[rand.IntN(len(u.in.authz))], g)); err != nil {
		return err
	}
	answered := time.Now()
	for _, gateway := range u.in.gateways {
		for status := 0; status != http.StatusUnauthorized; time.Sleep(tick) {
			isLate := time.Since(answered) > maxStaleness
			status = balance(gateway.url(), g.access)
			switch {
			case isLate && status == http.StatusOK:
				return fmt.Errorf("%s let pass what was revoked at %v", gateway.name, answered)
			case status != http.StatusUnauthorized && time.Since(answered) > patience:
				return fmt.Errorf("%s has not learned of a revocation: %w", gateway.name, unexpected{status: status})
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), socketBound)
	defer cancel()
	if _, _, err := socket.Read(ctx); ctx.Err() != nil || err == nil {
		return errors.New("a WebSocket outlives its token")
	} else if status := websocket.CloseStatus(err); status != closedByRevocation && status != websocket.StatusTryAgainLater {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.revoked = append(u.revoked, g)
	return nil
}

func (u *soakUser) useRevoked() error {
	u.mu.Lock()
	revoked := u.revoked
	u.mu.Unlock()
	if len(revoked) == 0 {
		return nil
	}
	if status := balance(u.gateway().url(), revoked[rand.IntN(len(revoked))].access); status == http.StatusOK {
		return errors.New("a revoked token passes")
	}
	return nil
}

// listen follows events to their end or goes away before.
func (u *soakUser) listen() error {
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	response, err := u.ask(ctx, http.MethodGet, "events", nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil
	}
	events, until := 0, rand.IntN(2*soakEvents)
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if line := lines.Text(); line != "" {
			if line+"\n" != "data: "+u.mark() {
				return fmt.Errorf("an event of another: %.100q", line)
			}
			if events++; events > until {
				return nil
			}
		}
	}
	if lines.Err() != nil {
		return lines.Err()
	}
	if events != soakEvents {
		return fmt.Errorf("%d of %d events", events, soakEvents)
	}
	return nil
}

// meetBadUpstream never sees an answer that looks complete and is not, nor anything of another user.
func (u *soakUser) meetBadUpstream() error {
	how := slices.Sorted(maps.Keys(misbehaviours))[rand.IntN(len(misbehaviours))]
	response, err := u.ask(context.Background(), http.MethodGet, "bad/"+how, nil)
	if err != nil {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	switch {
	case response.StatusCode >= http.StatusInternalServerError:
		return nil
	case response.StatusCode != http.StatusOK:
		return unexpected{status: response.StatusCode, body: string(text)}
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(u.mark(), line) {
			return fmt.Errorf("%s: a line of another: %.100q", how, line)
		}
	}
	if err == nil && how != "twice" && how != "endless" {
		return fmt.Errorf("%s: an answer that was cut looks complete: %.100q", how, text)
	}
	return nil
}

// goAway leaves in the middle of a request or of its answer.
func (u *soakUser) goAway() error {
	conn, err := net.Dial("tcp", u.gateway().address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	request := "GET /soak/bad/silent HTTP/1.1\r\n"
	if rand.IntN(2) == 0 {
		request = "POST /soak/upload HTTP/1.1\r\nContent-Length: 1000000\r\n"
	}
	request += "Host: a\r\nAuthorization: Bearer " + u.access + "\r\n\r\n" + u.mark()
	_, _ = io.WriteString(conn, request[:rand.IntN(len(request)+1)])
	time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
	if rand.IntN(2) == 0 {
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	return nil
}
