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
	before.AddClient(sourcetest.Client{ID: "inbrowser", Domain: "https://browser.example", Name: "In the browser"})
	for user := range 2 {
		before.AddToken(ofPublic(user + 1))
	}
	o := &operator{T: t, dir: t.TempDir(), environment: []string{
		"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=localhost,127.0.0.1",
		"JWT_SECRET=" + jwtSecret, "DATABASE_URI=" + before.URL, "LNDHUB_URL=" + upstream, "PORT=8081",
		"TARGET_FILE=" + targetsFile(t, upstream), "GATEHOUSE_LISTEN=127.0.0.1:0",
	}}
	o.said = map[string]string{"redis://localhost:6379/0": denylisttest.Redis(t, denylisttest.Predecessor), "127.0.0.1:8082": "127.0.0.1:0"}

	var server running
	imports, starts := 0, 0
	for _, block := range commands(t) {
		if strings.TrimSpace(block) == "gatehouse serve" {
			starts++
			server = startGatehouse(t, o.environment...)
			o.said["localhost:8081"] = strings.TrimPrefix(server.public, "http://")
			o.said["localhost:8082"] = strings.TrimPrefix(server.admin, "http://")
			continue
		}
		back := strings.HasPrefix(block, "psql ")
		if back {
			require.Equal(t, 1, starts)
			requireUsersNoticeNothing(t, server)
			disconnect(t, server.place, 4)
			server.stop()
		}
		untouched := before.Checksum()
		printed := o.paste(block)
		require.Equal(t, !back, untouched == before.Checksum(), "oauth2server can be started again at any time")
		switch {
		case strings.Contains(block, "gatehouse check"):
			require.Contains(t, printed, "no problems")
			require.Contains(t, printed, "jwt_secret")
			require.NotContains(t, printed, "issuer:", "this was decided")
		case strings.Contains(block, "--dry-run"):
			require.Empty(t, o.clients())
		case back:
			require.Contains(t, printed, "UPDATE 1")
			refreshThere(before, 6) // and by the application of which oauth2server was not told:
			before.AddToken(refreshed(4))
		case strings.Contains(block, "import oauth2server"):
			imports++
			require.Len(t, o.clients(), sourceClients+1)
			if imports == 1 { // oauth2server still runs, and an application refreshes there
				refreshThere(before, 5)
			}
		}
	}
	require.Equal(t, 3, imports)
	require.Equal(t, 2, starts)
	requireGoesOn(t, server.place, 6, refreshed(6).Refresh)
	requireGoesOn(t, server.place, 9, givenTo(9))
	for _, token := range []string{givenTo(4), refreshed(4).Refresh} {
		require.Equal(t, http.StatusBadRequest, refresh(t, server.place, known{"refresh": token}.of(4)).Status, "its user has disconnected it")
	}
}

// requireUsersNoticeNothing requires that applications go on, those that use the Alby SDKs with nothing but these.
func requireUsersNoticeNothing(t *testing.T, server running) {
	t.Helper()
	require.Contains(t, server.log.String(), "the environment is oauth2server's")
	requireGoesOn(t, server.place, 4, givenTo(4))
	require.Equal(t, http.StatusBadRequest, refresh(t, server.place, known{"refresh": givenTo(5)}.of(5)).Status, "it was used at oauth2server")
	requireGoesOn(t, server.place, 5, refreshed(5).Refresh)
	requireGoesOn(t, server.place, sourceClients-1, givenTo(sourceClients-1))
	t.Run("the Alby SDKs", func(t *testing.T) {
		connected := []map[string]any{}
		for i, sdk := range []string{"alby-js-sdk", "@getalby/sdk"} {
			n := 7 + i
			connected = append(connected,
				map[string]any{"uses": sdk, "id": clientID(n), "secret": secretOf(n), "user": n / 3, "access": accessOf(n), "refresh": givenTo(n)},
				map[string]any{"uses": sdk, "id": "inbrowser", "user": i + 1, "access": ofPublic(i + 1).Access, "refresh": ofPublic(i + 1).Refresh})
		}
		text, err := json.Marshal(connected)
		require.NoError(t, err)
		runJavaScript(t, server.place, []string{"CONNECTED=" + string(text)}, "imported.js")
	})
}

// ofPublic is what the public client got for a user.
func ofPublic(user int) sourcetest.Token {
	return sourcetest.Token{
		Client: "inbrowser", User: fmt.Sprint(user), Scope: "balance:read", Redirect: "https://browser.example/cb",
		Refresh: fmt.Sprintf("PUBLICREFRESH%035d", user), RefreshFor: 24 * time.Hour, Access: fmt.Sprintf("PUBLICACCESS%036d", user), AccessFor: time.Hour,
	}
}

// refreshThere is what oauth2server does when application n refreshes there.
func refreshThere(before *sourcetest.Database, n int) {
	before.Exec("UPDATE oauth2_tokens SET access = '', refresh = '' WHERE refresh = $1", givenTo(n))
	before.AddToken(refreshed(n))
}

// refreshed is what application n got at oauth2server by refreshing.
func refreshed(n int) sourcetest.Token {
	return sourcetest.Token{
		Client: clientID(n), User: fmt.Sprint(n / 3), Scope: "balance:read", Redirect: fmt.Sprintf("https://app%d.example/cb", n),
		Refresh: fmt.Sprint("REFRESHED", n), RefreshFor: 24 * time.Hour, Access: fmt.Sprint("ACCESSED", n), AccessFor: time.Hour,
	}
}

func clientID(n int) string { return fmt.Sprintf("Client%04d", n) }
func secretOf(n int) string { return fmt.Sprintf("Secret0000000000%04d", n) }

// accessOf is the access token that oauth2server has given to application n.
func accessOf(n int) string {
	return "A" + strings.ToUpper(fmt.Sprintf("%x", md5.Sum(fmt.Appendf(nil, "access%d", n))))
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

// of adds what application n proves itself with.
func (k known) of(n int) known {
	k["id"], k["secret"] = clientID(n), secretOf(n)
	return k
}

// refresh uses the refresh token, and keeps what is given for it.
func refresh(t *testing.T, p place, k known) answer {
	t.Helper()
	asked := p.send(t, row{Send: request{
		Method: http.MethodPost, Path: "/oauth/token", Basic: []string{"{id}", "{secret}"},
		Form: map[string]string{"grant_type": "refresh_token", "refresh_token": "{refresh}"},
	}}, k)
	if given, ok := asked.Body.(map[string]any); ok && asked.Status == http.StatusOK {
		k["access"], k["refresh"] = given["access_token"].(string), given["refresh_token"].(string)
	}
	return asked
}

// requireGoesOn requires that application n goes on without its user, with the refresh token that oauth2server gave it and with
// those that follow.
func requireGoesOn(t *testing.T, p place, n int, token string) {
	t.Helper()
	k := known{"refresh": token}.of(n)
	for range 2 {
		refreshed := refresh(t, p, k)
		require.Equal(t, http.StatusOK, refreshed.Status, "%v", refreshed)
		balance := p.send(t, row{Send: request{Method: http.MethodGet, Path: "/balance", Headers: map[string]string{"Authorization": "Bearer {access}"}}}, k)
		require.Equal(t, http.StatusOK, balance.Status, "%v", balance)
		said := balance.Body.(map[string]any)
		require.Equal(t, []any{float64(n / 3), clientID(n)}, []any{said["user"], said["client"]})
	}
	connected := asUser(t, p, http.MethodGet, "/clients", n)
	require.Equal(t, http.StatusOK, connected.Status)
	require.True(t, k.holds(t, []any{map[string]any{"id": clientID(n), "name": "App " + clientID(n)}}, connected.Body), "%v", connected.Body)
}

// disconnect is what the user of application n does who wants it no longer.
func disconnect(t *testing.T, p place, n int) {
	t.Helper()
	done := asUser(t, p, http.MethodDelete, "/clients/"+clientID(n), n)
	require.Less(t, done.Status, 300, "%v", done)
}

// asUser sends what the user of application n asks for in the host application.
func asUser(t *testing.T, p place, method, path string, n int) answer {
	t.Helper()
	k := known{"user": userJWT(t, p.jwtSecret, n/3, later())}
	return p.send(t, row{Send: request{Method: method, Path: path, Headers: map[string]string{"Authorization": "Bearer {user}"}}}, k)
}
