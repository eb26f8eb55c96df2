package oauth2server_test

import (
	"bytes"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/oauth2server/sourcetest"
	"gatehouse/denylist/denylisttest"
)

const sourceClients = 1000

const guide = "../../docs/from-oauth2server.md"

// TestWhatTheTablesSayIsDifferentIsInTheGuide holds the page and the tables to each other: nobody is told of a difference that
// is none, or meets one that nobody told of.
func TestWhatTheTablesSayIsDifferentIsInTheGuide(t *testing.T) {
	page, err := os.ReadFile(guide)
	require.NoError(t, err)
	_, listed, found := strings.Cut(string(page), "## What is different\n")
	require.True(t, found)
	inPage := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^\| (.+?) \|`).FindAllStringSubmatch(listed, -1) {
		inPage[line[1]] = true
	}
	delete(inPage, "here") // the heading
	inTables := map[string]bool{}
	for file, rows := range tables(t) {
		for _, r := range rows {
			if r.Differs != nil {
				require.NotEqual(t, r.Answered, r.Differs.answer, "%s: %s", file, r.Name)
				inTables[r.Differs.Because] = true
			}
		}
	}
	require.Equal(t, inPage, inTables)
}

// commands are the blocks of the guide that an operator pastes into a shell, in order.
func commands(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(guide)
	require.NoError(t, err)
	var blocks []string
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		blocks = append(blocks, block[1])
	}
	require.NotEmpty(t, blocks)
	return blocks
}

// operator is somebody who follows the guide, in one shell.
type operator struct {
	*testing.T
	dir         string
	environment []string
	// said replaces what the guide says by what holds in this test.
	said map[string]string
}

// paste runs a block and keeps the variables that it exports.
func (o *operator) paste(block string) (printed string) {
	o.Helper()
	for word, value := range o.said {
		block = strings.ReplaceAll(block, word, value)
	}
	left := filepath.Join(o.dir, "environment")
	shell := exec.CommandContext(o.Context(), "bash", "-c", "set -euo pipefail\n"+block+"\nenv -0 >"+left)
	shell.Dir, shell.Env = o.dir, o.environment
	var complaints bytes.Buffer
	shell.Stderr = &complaints
	output, err := shell.Output()
	require.NoError(o, err, "%s\n%s%s", block, output, complaints.String())
	variables, err := os.ReadFile(left)
	require.NoError(o, err)
	o.environment = strings.Split(strings.TrimSuffix(string(variables), "\x00"), "\x00")
	return string(output)
}

// One database holds both, as DATABASE_URI says when nothing is added.
func TestTheGuideLeadsFromOauth2serverToGatehouse(t *testing.T) {
	upstream := newUpstream(t)
	before := sourcetest.New(t)
	before.Fill(sourceClients, sourceClients) // a grant each
	o := &operator{T: t, dir: t.TempDir(), environment: []string{
		"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=localhost,127.0.0.1",
		"JWT_SECRET=" + jwtSecret, "DATABASE_URI=" + before.URL, "LNDHUB_URL=" + upstream, "PORT=8081",
		"TARGET_FILE=" + targetsFile(t, upstream), "GATEHOUSE_LISTEN=127.0.0.1:0",
	}}
	o.said = map[string]string{"redis://localhost:6379/0": denylisttest.Redis(t, denylisttest.Predecessor), "127.0.0.1:8082": "127.0.0.1:0"}

	var server running
	imports := 0
	for _, block := range commands(t) {
		if strings.TrimSpace(block) == "gatehouse serve" {
			server = startGatehouse(t, o.environment...)
			o.said["localhost:8081"] = strings.TrimPrefix(server.public, "http://")
			o.said["localhost:8082"] = strings.TrimPrefix(server.admin, "http://")
			continue
		}
		untouched := before.Checksum()
		printed := o.paste(block)
		require.Equal(t, untouched, before.Checksum(), "oauth2server can be started again at any time")
		switch {
		case strings.Contains(block, "gatehouse check"):
			require.Contains(t, printed, "no problems")
			require.Contains(t, printed, "jwt_secret")
			require.NotContains(t, printed, "issuer:", "this was decided")
		case strings.Contains(block, "--dry-run"):
			require.Empty(t, o.clients())
		case strings.Contains(block, "import oauth2server"):
			imports++
			require.Len(t, o.clients(), sourceClients)
			if imports == 1 { // oauth2server still runs, and an application refreshes there
				before.Exec("UPDATE oauth2_tokens SET access = '', refresh = '' WHERE refresh = $1", givenTo(5))
				before.AddToken(sourcetest.Token{
					Client: "Client0005", User: "1", Scope: "balance:read", Redirect: "https://app5.example/cb",
					Refresh: "REFRESHED5", RefreshFor: 24 * time.Hour, Access: "ACCESSED5", AccessFor: time.Hour,
				})
			}
		}
	}
	require.Equal(t, 2, imports)
	require.NotNil(t, server.log, "the guide starts the server")
	for _, n := range []int{4, 5, sourceClients - 1} {
		requireGoesOn(t, server.place, n, map[int]string{5: "REFRESHED5"})
	}
	require.Contains(t, server.log.String(), "the environment is oauth2server's")
}

// givenTo is the refresh token that oauth2server has given to application n.
func givenTo(n int) string {
	return "R" + strings.ToUpper(fmt.Sprintf("%x", md5.Sum(fmt.Appendf(nil, "refresh%d", n))))
}

// clients are those that Gatehouse has.
func (o *operator) clients() (clients []map[string]any) {
	o.Helper()
	require.NoError(o, json.Unmarshal([]byte(o.paste("gatehouse client list --json")), &clients))
	return clients
}

// requireGoesOn requires that application n goes on without its user, with the refresh token that oauth2server gave it and with
// those that follow.
func requireGoesOn(t *testing.T, p place, n int, newer map[int]string) {
	t.Helper()
	id := fmt.Sprintf("Client%04d", n)
	k := known{"id": id, "secret": fmt.Sprintf("Secret0000000000%04d", n), "refresh": givenTo(n)}
	ask := func(form map[string]string, keep map[string]string) answer {
		return p.send(t, row{Send: request{Method: http.MethodPost, Path: "/oauth/token", Form: form, Basic: []string{"{id}", "{secret}"}}, Keep: keep}, k)
	}
	refreshing := map[string]string{"grant_type": "refresh_token", "refresh_token": "{refresh}"}
	if token, ok := newer[n]; ok {
		require.Equal(t, http.StatusBadRequest, ask(refreshing, nil).Status, "it was used at oauth2server")
		k["refresh"] = token
	}
	for range 2 {
		refreshed := ask(refreshing, map[string]string{"access": "access_token", "refresh": "refresh_token"})
		require.Equal(t, http.StatusOK, refreshed.Status, "%v", refreshed)
		balance := p.send(t, row{Send: request{Method: http.MethodGet, Path: "/balance", Headers: map[string]string{"Authorization": "Bearer {access}"}}}, k)
		require.Equal(t, http.StatusOK, balance.Status, "%v", balance)
		said := balance.Body.(map[string]any)
		require.Equal(t, []any{float64(n / 3), id}, []any{said["user"], said["client"]})
	}
	k["user"] = userJWT(t, p.jwtSecret, n/3, later())
	connected := p.send(t, row{Send: request{Method: http.MethodGet, Path: "/clients", Headers: map[string]string{"Authorization": "Bearer {user}"}}}, k)
	require.Equal(t, http.StatusOK, connected.Status)
	require.True(t, k.holds(t, []any{map[string]any{"id": id, "name": "App " + id}}, connected.Body), "%v", connected.Body)
}
