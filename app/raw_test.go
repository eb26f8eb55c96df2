package app_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway/gatewaytest"
)

const (
	// rawPatience is how long a request may take to arrive; rawIdle is how soon a connection ends on which nothing comes.
	rawPatience = 3 * time.Second
	rawIdle     = 500 * time.Millisecond
)

func rawConfig(upstream string) config.Config {
	cfg := testConfig(upstream)
	cfg.Routes[0].Credential = "headers"
	cfg.Denylist.MaxStaleness = time.Minute // so many connections at once may starve the mirror
	cfg.Timeouts.Header, cfg.Timeouts.Body, cfg.Timeouts.Idle = rawPatience, rawPatience, rawIdle
	return cfg
}

// startRaw starts Gatehouse before a recorder, and returns a token for both routes.
func startRaw(t *testing.T) (*running, *rawUpstream, string) {
	t.Helper()
	upstream := startRawUpstream(t)
	r := start(t, rawConfig(upstream.URL()))
	return r, upstream, r.consent(r.register(), 7, "balance:read payments:send").access
}

// exchange writes raw bytes and returns the status codes that come back before the other side ends the connection.
func exchange(t *testing.T, address, text string, size int) ([]int, error) {
	c, err := gatewaytest.TryDial(t, address)
	if err != nil {
		return nil, err
	}
	written := make(chan struct{})
	go func() { defer close(written); c.SendPieces(text, size) }()
	statuses := c.Statuses()
	c.Close()
	<-written
	return statuses, nil
}

// sentCase is a case as it was sent, and what came back.
type sentCase struct {
	rawCase
	id      string // for the recorder
	answers string
	oracle  []recorded
	err     error
}

// sendAll sends every case at once, each on a connection of its own, whole and byte by byte.
func sendAll(t *testing.T, address, token string, granting *oracle) []*sentCase {
	t.Helper()
	var sent []*sentCase
	var group sync.WaitGroup
	atOnce := make(chan struct{}, 150)
	for i, c := range rawCases() {
		for _, size := range []int{1 << 20, 1} {
			one := &sentCase{rawCase: c, id: fmt.Sprintf("%d-%d", i, size)}
			one.name = fmt.Sprintf("%s, in pieces of %d", c.name, size)
			sent = append(sent, one)
			text := strings.NewReplacer("TOKEN", token, "CASE", one.id).Replace(c.sent)
			if size == 1 {
				size = 1 + len(text)/5000
			}
			group.Go(func() {
				atOnce <- struct{}{}
				defer func() { <-atOnce }()
				answers, err := exchange(t, address, text, size)
				if err == nil && granting != nil {
					_, err = exchange(t, granting.address, text, size)
					one.oracle = granting.of(one.id)
				}
				one.answers, one.err = spell(answers), err
			})
		}
	}
	group.Wait()
	for _, one := range sent {
		require.NoError(t, one.err, one.name)
	}
	return sent
}

// TestNoRequestIsReadInTwoWays sends every case to Gatehouse and to net/http's server.
func TestNoRequestIsReadInTwoWays(t *testing.T) {
	r, upstream, token := startRaw(t)
	for _, c := range sendAll(t, r.app.Addr().String(), token, startOracle(t, token)) {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.rawCase.answers, c.answers)
			whole, cut := upstream.of(c.id)
			require.Len(t, whole, strings.Count(c.answers, "200"))
			require.LessOrEqual(t, len(whole)+cut, c.entitled())
			require.LessOrEqual(t, len(whole), len(c.oracle), "net/http refuses it")
			for i, forwarded := range whole {
				require.Equal(t, c.oracle[i].method+" "+c.oracle[i].target, forwarded.method+" "+forwarded.target)
				require.Equal(t, c.oracle[i].body, forwarded.body)
				require.Equal(t, []string{"7"}, forwarded.header["X-Gatehouse-Subject"], "it was not authorized")
				for name := range forwarded.trailer {
					require.Contains(t, []string{"X-Checksum", "X-More"}, name)
				}
			}
		})
	}
	upstream.requireNothingElse(t)
}

func spell(statuses []int) string {
	words := make([]string, len(statuses))
	for i, status := range statuses {
		words[i] = strconv.Itoa(status)
	}
	return strings.Join(words, " ")
}
