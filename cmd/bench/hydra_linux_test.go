package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// playedHydra answers as Hydra does, as far as the bench asks.
type playedHydra struct {
	*httptest.Server
	t         *testing.T
	algorithm string // of its keys: Hydra's own until it has others
	subjects  []string
	granted   []string
	refreshed int
}

func playHydra(t *testing.T) *playedHydra {
	h := &playedHydra{t: t, algorithm: "RS256"}
	routes := http.NewServeMux()
	routes.HandleFunc("DELETE /admin/keys/hydra.jwt.access-token", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "there are none", http.StatusNotFound)
	})
	routes.HandleFunc("POST /admin/keys/hydra.jwt.access-token", func(w http.ResponseWriter, r *http.Request) {
		h.algorithm = h.read(r)["alg"].(string)
		h.write(w, http.StatusCreated, nil)
	})
	routes.HandleFunc("POST /admin/clients", func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "balance:read offline_access", h.read(r)["scope"])
		h.write(w, http.StatusCreated, map[string]string{"client_id": "the client", "client_secret": "the secret"})
	})
	routes.HandleFunc("PUT /admin/oauth2/auth/requests/{step}/accept", func(w http.ResponseWriter, r *http.Request) {
		step, accepted := r.PathValue("step"), h.read(r)
		assert.Equal(t, "challenge of "+step, r.URL.Query().Get(step+"_challenge"))
		if step == "login" {
			h.subjects = append(h.subjects, accepted["subject"].(string))
		} else {
			h.granted = append(h.granted, string(h.marshal(accepted["grant_scope"])))
		}
		h.write(w, http.StatusOK, map[string]string{"redirect_to": h.URL + "/oauth2/auth?" + step + "_verifier=verified"})
	})
	routes.HandleFunc("GET /oauth2/auth", h.authorize)
	routes.HandleFunc("POST /oauth2/token", h.token)
	h.Server = httptest.NewServer(routes)
	t.Cleanup(h.Close)
	return h
}

// authorize knows a browser by the cookie that it got with the step before.
func (h *playedHydra) authorize(w http.ResponseWriter, r *http.Request) {
	next, step, needs := "https://host.example/login?login_challenge=challenge+of+login", "login", ""
	switch query := r.URL.Query(); {
	case query.Has("login_verifier"):
		next, step, needs = "https://host.example/consent?consent_challenge=challenge+of+consent", "consent", "login"
	case query.Has("consent_verifier"):
		next, step, needs = applicantCallback+"?code=the+code", "", "consent"
	}
	if _, err := r.Cookie(needs); needs != "" && err != nil {
		http.Error(w, "no CSRF value", http.StatusForbidden)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: step, Value: "begun"})
	http.Redirect(w, r, next, http.StatusFound)
}

func (h *playedHydra) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id != "the client" || secret != "the secret" {
		http.Error(w, "invalid_client", http.StatusUnauthorized)
		return
	}
	var key any
	var err error
	if h.algorithm == "ES256" {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	assert.NoError(h.t, err)
	signed, err := jws.Sign([]byte("{}"), jws.WithKey(jwa.SignatureAlgorithm(h.algorithm), key))
	assert.NoError(h.t, err)
	answer := map[string]string{"access_token": string(signed)}
	switch r.FormValue("grant_type") {
	case "authorization_code":
		assert.Equal(h.t, "the code", r.FormValue("code"))
		answer["refresh_token"] = "first"
	case "refresh_token":
		h.refreshed++
		answer["refresh_token"] = "next"
	}
	h.write(w, http.StatusOK, answer)
}

func (h *playedHydra) read(r *http.Request) (body map[string]any) {
	assert.NoError(h.t, json.NewDecoder(r.Body).Decode(&body))
	return body
}

func (h *playedHydra) marshal(value any) []byte {
	text, err := json.Marshal(value)
	assert.NoError(h.t, err)
	return text
}

func (h *playedHydra) write(w http.ResponseWriter, status int, answer any) {
	w.WriteHeader(status)
	_, err := w.Write(h.marshal(answer))
	assert.NoError(h.t, err)
}

func TestEachGrantThatHydraHasGetsItsTokens(t *testing.T) {
	h := playHydra(t)
	a, err := newHydraApplicant(t.Context(), h.URL, h.URL, 1)
	require.NoError(t, err)
	require.Equal(t, "ES256", h.algorithm, "signed as Gatehouse signs")
	var names []string
	for _, g := range hydraGrants() {
		names = append(names, g.name)
		require.Zero(t, g.most, "the goals are ours")
		next, err := g.prepare(t.Context(), a)
		require.NoError(t, err, g.name)
		for range chains + 1 {
			require.NoError(t, next(t.Context()), g.name)
		}
	}
	require.Equal(t, []string{"client credentials", "refresh", "code, with the authorization"}, names)
	require.Equal(t, chains+1, h.refreshed)
	require.Len(t, h.subjects, chains+chains+1)
	require.NotEqual(t, h.subjects[0], h.subjects[1], "each is a new user")
	require.JSONEq(t, `["balance:read", "offline_access"]`, h.granted[0])

	a.secret = "another"
	require.ErrorContains(t, a.asItself(t.Context()), "invalid_client")
}

func TestHydraIsNotMeasuredWithAnotherSignature(t *testing.T) {
	h := playHydra(t)
	a, err := newHydraApplicant(t.Context(), h.URL, h.URL, 1)
	require.NoError(t, err)
	h.algorithm = "RS256"
	got, err := a.token(t.Context(), asItself)
	require.NoError(t, err)
	require.ErrorContains(t, signedBy(got.Access, "ES256"), "RS256")
	require.ErrorContains(t, signedBy("ory_at_opaque", "ES256"), "no JWT")
}

func TestHydraIsAloneOnLoopbackAndTellsNobody(t *testing.T) {
	environment, err := hydraEnvironment("/run/here", "127.0.0.1:81", "127.0.0.1:82", "postgres://postgres@127.0.0.1:5432/bench?sslmode=disable", 16)
	require.NoError(t, err)
	require.Subset(t, environment, []string{
		"SERVE_PUBLIC_HOST=127.0.0.1", "SERVE_PUBLIC_PORT=81", "SERVE_ADMIN_HOST=127.0.0.1", "SERVE_ADMIN_PORT=82", "SQA_OPT_OUT=true",
		"STRATEGIES_ACCESS_TOKEN=jwt", "HOME=/run/here",
		"DSN=postgres://postgres@127.0.0.1:5432/bench?max_conns=48&max_idle_conns=48&sslmode=disable",
	})
}

func TestHydraTakesPartWhereItIsInstalled(t *testing.T) {
	for name, test := range map[string]struct {
		program  string
		only     string
		takePart bool
		says     string
	}{
		"Ory's":                      {"echo 'Version:    v2.3.0'\necho 'Git Hash:   undefined'", onlyGrants, true, ""},
		"nobody's":                   {"", onlyGrants, false, "left out: Ory Hydra"},
		"another of that name":       {"echo 'Hydra v9.4 (c) 2022'", onlyGrants, false, "left out: Ory Hydra"},
		"another that fails":         {"echo 'Git Hash:'\nexit 1", onlyGrants, false, "left out: Ory Hydra"},
		"Ory's, but without grants":  {"echo 'Git Hash:'", "gatehouse warm", false, ""},
		"nobody's, and nobody cares": {"", "gatehouse warm", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			t.Setenv("PATH", path)
			if test.program != "" {
				require.NoError(t, os.WriteFile(filepath.Join(path, "hydra"), []byte("#!/bin/sh\n"+test.program+"\n"), 0o700))
			}
			var said bytes.Buffer
			b := &bench{settings: settings{only: []string{test.only}, postgres: "postgres://127.0.0.1/postgres"}, progress: &said}
			require.NoError(t, b.chooseContestants())
			require.Equal(t, test.takePart, b.hydra != "")
			require.Contains(t, said.String(), test.says)
			require.Equal(t, test.says != "", strings.Contains(said.String(), hydraName))
		})
	}
}

func TestHydraStandsBesideOursAndFailsAlone(t *testing.T) {
	ours := authServer{grants: []grant{{name: "one"}, {name: "two"}, {name: "three"}}}
	hydra := authServer{name: hydraName, grants: []grant{{name: "three"}, {name: "one"}}}
	var said bytes.Buffer
	b := &bench{settings: settings{rounds: 2}, progress: &said}
	var measurements []string
	broken := errors.New("broken")
	results, err := b.runGrants(t.Context(), []authServer{ours, hydra}, func(_ context.Context, at authServer, g grant) (measured, error) {
		measurements = append(measurements, g.name+at.name)
		if at.name == hydraName && g.name == "one" {
			return measured{}, broken
		}
		return measured{rate: 1}, nil
	})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "one: Ory Hydra")
	require.Contains(t, said.String(), "broken")
	require.Equal(t, []string{"one", "oneOry Hydra", "two", "three", "threeOry Hydra", "two", "three", "threeOry Hydra", "one"},
		measurements, "each round begins with another one, and who has failed is not asked again")
	var titles []string
	for _, g := range results {
		titles = append(titles, g.title())
		require.Len(t, g.rounds, 2)
	}
	require.Equal(t, []string{"one", "two", "three", "three: Ory Hydra"}, titles)

	ended, end := context.WithCancel(t.Context())
	results, err = b.runGrants(ended, []authServer{ours}, func(context.Context, authServer, grant) (measured, error) {
		end()
		return measured{}, nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, results)
}

func TestReportOfGrantsBesideHydra(t *testing.T) {
	all := []grantResult{
		{grant{name: "a token"}, "", roundsOf(10, 24)}, {grant{name: "a token"}, hydraName, roundsOf(100, 120)}, {grant{name: "pages"}, "", roundsOf(5)},
	}
	beside := (&report{grants: all}).String()
	require.Regexp(t, `\n\| a token: Ory Hydra +\| +0\.11 \(0\.10–0\.12\) \|`, beside)
	require.Len(t, grantComparisons(all), 2, "the head, and the grant that both have")
	require.Regexp(t, `\n\| a token +\| +a token: Ory Hydra \| +0\.15 \(0\.10–0\.20\) \|`, beside)

	alone := (&report{grants: []grantResult{all[0], all[2]}}).String()
	require.NotContains(t, alone, "beside")
	require.NotContains(t, alone, "Hydra")
}

func TestAUserWhomHydraSendsElsewhereAllowsNothing(t *testing.T) {
	h := playHydra(t)
	a, err := newHydraApplicant(t.Context(), h.URL, h.URL, 1)
	require.NoError(t, err)
	_, err = visitHydra(t.Context(), a.client, h.URL+"/oauth2/auth?consent_verifier=verified")
	require.ErrorContains(t, err, "no CSRF value", "without the cookies of the steps before")
	elsewhere := httptest.NewServer(http.RedirectHandler("https://host.example/error?error=invalid_request", http.StatusFound))
	defer elsewhere.Close()
	a.server = elsewhere.URL
	_, err = a.authorize(t.Context())
	require.ErrorContains(t, err, "not sent to login, but to host.example/error")
}
