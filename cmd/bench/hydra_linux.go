package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"strconv"

	"github.com/lestrrat-go/jwx/v2/jws"

	"gatehouse/keys"
)

// hydraName is what the report calls Ory's authorization server, which is measured beside ours where it is installed.
const hydraName = "Ory Hydra"

// hydraAbout says of the grants that are measured there what is in them.
var hydraAbout = map[string]string{
	"client credentials": "one request",
	"refresh":            fmt.Sprintf("one request, of %d users for each connection", chains),
	"code, with the authorization": "a new user's way: link, login and consent accepted by the admin API, a visit after each, " +
		"and the request for the tokens",
}

// hydraGrants are those of ours that it has, without our goals.
func hydraGrants() []grant {
	var found []grant
	for _, g := range grants {
		if about, has := hydraAbout[g.name]; has {
			found = append(found, grant{name: g.name, about: about, prepare: g.prepare})
		}
	}
	return found
}

// findHydra returns where the program is, or nothing: another program has that name, too, and prints no hash of its sources.
func findHydra() string {
	program, err := exec.LookPath("hydra")
	if err != nil {
		return ""
	}
	printed, err := exec.Command(program, "version").Output()
	if err != nil || !bytes.Contains(printed, []byte("Git Hash:")) {
		return ""
	}
	return program
}

// hydraEnvironment is its whole configuration. Its tokens are JWTs, as ours are. To spare it work, it writes no log, and its hash of a
// secret is the cheapest that it allows.
func hydraEnvironment(dir, listen, admin, database string, requests int) ([]string, error) {
	at, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	// A request that has a connection waits for another one, so that all requests would wait for each other.
	pool := strconv.Itoa(3 * requests)
	query := at.Query()
	query.Set("max_conns", pool)
	query.Set("max_idle_conns", pool)
	at.RawQuery = query.Encode()
	environment := []string{
		"DSN=" + at.String(),
		"HOME=" + dir, // where a user may have settings of their own
		"URLS_SELF_ISSUER=http://" + listen,
		"URLS_LOGIN=https://host.example/login",
		"URLS_CONSENT=https://host.example/consent",
		"STRATEGIES_ACCESS_TOKEN=jwt",
		"OAUTH2_HASHERS_ALGORITHM=pbkdf2",
		"OAUTH2_HASHERS_PBKDF2_ITERATIONS=1",
		"SECRETS_SYSTEM=seals the keys of the bench and of nobody",
		"LOG_LEVEL=panic",
		"SQA_OPT_OUT=true", // it tells its makers nothing
	}
	for name, address := range map[string]string{"PUBLIC": listen, "ADMIN": admin} {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		environment = append(environment, "SERVE_"+name+"_HOST="+host, "SERVE_"+name+"_PORT="+port)
	}
	return environment, nil
}

// startHydra makes its tables, where they are missing, and runs it without TLS.
func (b *bench) startHydra(ctx context.Context, dir, database string) (*process, *applicant, error) {
	var addresses [2]string
	for i := range addresses {
		var err error
		if addresses[i], err = freeAddress(); err != nil {
			return nil, nil, err
		}
	}
	environment, err := hydraEnvironment(dir, addresses[0], addresses[1], database, b.grantConnections)
	if err != nil {
		return nil, nil, err
	}
	migrate := exec.CommandContext(ctx, b.hydra, "migrate", "sql", "up", "--read-from-env", "--yes")
	migrate.Dir, migrate.Env, migrate.SysProcAttr = dir, append(os.Environ(), environment...), endsWithUs()
	if printed, err := migrate.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("hydra migrate: %w\n%s", err, printed[max(0, len(printed)-logShown):])
	}
	command, environment := onCore(b.core, []string{b.hydra, "serve", "all", "--dev"}, environment)
	running, err := startProcess("hydra", dir, command, environment)
	if err != nil {
		return nil, nil, err
	}
	admin := "http://" + addresses[1]
	if err := running.await(ctx, answers(admin+"/health/ready")); err != nil {
		return running, nil, err
	}
	a, err := newHydraApplicant(ctx, "http://"+addresses[0], admin, b.grantConnections)
	if err != nil {
		return running, nil, running.failed(err)
	}
	return running, a, nil
}

// hydra is its admin API.
type hydra struct {
	admin  string // URL
	client *http.Client
}

// newHydraApplicant registers an application, and sees to it that tokens are signed as Gatehouse signs them. By itself Hydra signs by RSA
// with 4096 bits, which takes many times as long.
func newHydraApplicant(ctx context.Context, server, admin string, connections int) (*applicant, error) {
	a := &applicant{server: server, tokens: "/oauth2/token", scope: tokenScope + " offline_access", client: newClient(connections)}
	h := &hydra{admin: admin, client: a.client}
	a.allow = func(ctx context.Context, user int64) (*url.URL, error) { return h.allow(ctx, a, user) }
	const tokenKeys = "/admin/keys/hydra.jwt.access-token"
	if err := h.call(ctx, http.MethodDelete, tokenKeys, nil, nil, http.StatusNoContent, http.StatusNotFound); err != nil {
		return nil, err
	}
	key := map[string]any{"alg": keys.ES256, "use": "sig", "kid": "bench"}
	if err := h.call(ctx, http.MethodPost, tokenKeys, key, nil, http.StatusCreated); err != nil {
		return nil, err
	}
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	settings := map[string]any{
		"client_name": "Bench", "scope": a.scope, "redirect_uris": []string{applicantCallback}, "response_types": []string{"code"},
		"grant_types": []string{"authorization_code", "refresh_token", "client_credentials"},
	}
	if err := h.call(ctx, http.MethodPost, "/admin/clients", settings, &made, http.StatusCreated); err != nil {
		return nil, err
	}
	a.id, a.secret = made.ID, made.Secret
	got, err := a.token(ctx, asItself)
	if err != nil {
		return nil, err
	}
	return a, signedBy(got.Access, keys.ES256)
}

// signedBy refuses what is no JWT, or one that is signed otherwise.
func signedBy(token, algorithm string) error {
	message, err := jws.ParseString(token)
	if err != nil {
		return fmt.Errorf("the access token is no JWT: %w", err)
	}
	if used := message.Signatures()[0].ProtectedHeaders().Algorithm(); used.String() != algorithm {
		return fmt.Errorf("the access token is signed with %s, and not with %s", used, algorithm)
	}
	return nil
}

// allow is the way of a user's browser, which has never been there. The pages for login and consent are not Hydra's: what they would do is
// the two calls of the admin API.
func (h *hydra) allow(ctx context.Context, a *applicant, user int64) (*url.URL, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := *h.client
	browser.Jar = jar
	at, err := visitHydra(ctx, &browser, a.server+"/oauth2/auth?"+a.authorization().Encode())
	if err != nil {
		return nil, err
	}
	for _, step := range []struct {
		name     string
		accepted map[string]any
	}{
		{"login", map[string]any{"subject": fmt.Sprint(user)}},
		{"consent", map[string]any{"grant_scope": []string{tokenScope, "offline_access"}}},
	} {
		challenge := at.Query().Get(step.name + "_challenge")
		if challenge == "" {
			return nil, fmt.Errorf("the user was not sent to %s, but to %s%s", step.name, at.Host, at.Path)
		}
		var next struct {
			URL string `json:"redirect_to"`
		}
		accept := "/admin/oauth2/auth/requests/" + step.name + "/accept?" + url.Values{step.name + "_challenge": {challenge}}.Encode()
		if err := h.call(ctx, http.MethodPut, accept, step.accepted, &next, http.StatusOK); err != nil {
			return nil, err
		}
		if at, err = visitHydra(ctx, &browser, next.URL); err != nil {
			return nil, err
		}
	}
	if at.Query().Get("code") == "" {
		return nil, errors.New("the user brings back no code")
	}
	return at, nil
}

// visitHydra opens a page, and returns where that leads.
func visitHydra(ctx context.Context, browser *http.Client, page string) (*url.URL, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return nil, err
	}
	header, _, err := send(browser, request, http.StatusFound, http.StatusSeeOther)
	if err != nil {
		return nil, err
	}
	return url.Parse(header.Get("Location"))
}

// call sends JSON, and reads the answer into a value unless that is nil.
func (h *hydra) call(ctx context.Context, method, path string, body, into any, statuses ...int) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, h.admin+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	_, answer, err := send(h.client, request, statuses...)
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(answer, into)
}
