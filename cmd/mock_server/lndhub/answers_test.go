package lndhub_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"gatehouse/cmd/mock_server/lndhub"
)

const (
	shopKey    = "03b5c7e9f10a2d4f6b8c0e1a3d5f7092b4c6e8fa1c3e5072946b8d0f2a4c6e8f10"
	nowhereKey = "03c5c7e9f10a2d4f6b8c0e1a3d5f7092b4c6e8fa1c3e5072946b8d0f2a4c6e8f10"
	adminToken = "admin"
)

var secret = []byte("shared with the gateway")

// hub is a stand-in on a socket, with a clock that the test moves.
type hub struct {
	*testing.T
	*lndhub.Hub
	url string

	mu    sync.Mutex
	clock time.Time
}

func (h *hub) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

func (h *hub) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.Add(d)
}

// startHub has the users ann (1), who is rich, bob (2), sue (3), who is suspended, dee (4), who was deleted, and una (5).
func startHub(t *testing.T, change ...func(*lndhub.Config)) *hub {
	t.Helper()
	h := &hub{T: t, clock: time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC)}
	config := lndhub.Config{
		JWTSecret: secret, AdminToken: adminToken, RateLimit: -1, StrictRateLimit: -1, Now: h.now,
		Pay: func(p lndhub.Invoice) (int64, error) {
			if p.Destination == nowhereKey {
				return 0, errors.New("no_route")
			}
			return 1 + p.Amount/1000, nil
		},
	}
	for _, c := range change {
		c(&config)
	}
	h.Hub = lndhub.New(config)
	rich := lndhub.NewSettled(lndhub.Incoming, lndhub.NodeKey, 100_000, 0, "Salary", h.now().Add(-time.Hour), h.now().Add(-time.Minute))
	for _, u := range []lndhub.User{
		{ID: 1, Login: "ann"}, {ID: 2, Login: "bob"}, {ID: 3, Login: "sue", Deactivated: true},
		{ID: 4, Login: "dee", Deactivated: true, Deleted: true}, {ID: 5, Login: "una"},
	} {
		u.Password = "secret"
		var opening []lndhub.Invoice
		if u.ID == 1 {
			opening = append(opening, rich)
		}
		_, ok := h.AddUser(u, opening...)
		require.True(t, ok)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *hub) token(claims jwt.MapClaims) string {
	h.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
	require.NoError(h, err)
	return token
}

// ask makes a request with a bearer token, if there is one, and headers as name, value, ….
func (h *hub) ask(method, path, token, contentType, body string, headers ...string) (int, http.Header, []byte) {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), method, h.url+path, strings.NewReader(body))
	require.NoError(h, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(h, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(h, err)
	return response.StatusCode, response.Header, answer
}

// as makes a JSON request of a user.
func (h *hub) as(user int, method, path, body string) (int, map[string]any) {
	h.Helper()
	status, _, answer := h.ask(method, path, h.token(jwt.MapClaims{"id": user}), "application/json", body)
	var object map[string]any
	_ = json.Unmarshal(answer, &object) // lists are looked at by the table
	return status, object
}

// recorded is one line of testdata/answers.json: what was asked, and what lndhub.go answers according to its source. <…> in
// an answer is anything of that form, {…} in both is what an earlier answer had in that member (keep).
type recorded struct {
	Name                string
	As                  int64
	Token               string
	Ask                 string
	Body                json.RawMessage
	Form, Text, Untyped string
	Status              int
	Answer, First       json.RawMessage
	Keep                map[string]string
}

var forms = map[string]*regexp.Regexp{
	"<hex64>":   regexp.MustCompile(`^[0-9a-f]{64}$`),
	"<jwt>":     regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+$`),
	"<request>": regexp.MustCompile(`^lnbcrt(\d+n)?1[02-9ac-hj-np-z]+$`),
	"<time>":    regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$`),
	"<base64>":  regexp.MustCompile(`^[\w+/]+=*$`),
	"<text>":    regexp.MustCompile(`.`),
}

func TestAnswersAreThoseOfLndhub(t *testing.T) {
	table, err := os.ReadFile("testdata/answers.json")
	require.NoError(t, err)
	var lines []recorded
	decoder := json.NewDecoder(strings.NewReader(string(table)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&lines))

	h := startHub(t)
	expired := h.Elsewhere(shopKey, 10, "Too late")
	h.pass(25 * time.Hour)
	unreachable := h.Elsewhere(nowhereKey, 20, "")
	known := []string{
		"<node>", lndhub.NodeKey, "<shop>", shopKey, "<nowhere>", nowhereKey,
		"{shop}", h.Elsewhere(shopKey, 5000, "Coffee").Request, "{dear}", h.Elsewhere(shopKey, 1_000_000, "").Request,
		"{expired}", expired.Request, "{unreachable}", unreachable.Request, "{unreachable_hash}", unreachable.Hash,
	}
	for _, line := range lines {
		t.Run(line.Name, func(t *testing.T) {
			fill := func(text string) string { return strings.NewReplacer(known...).Replace(text) }
			token := line.Token
			if line.As != 0 {
				token = h.token(jwt.MapClaims{"id": line.As})
			}
			contentType, body := "application/json", string(line.Body)
			switch {
			case line.Form != "":
				contentType, body = "application/x-www-form-urlencoded", line.Form
			case line.Untyped != "":
				contentType, body = "", line.Untyped
			case line.Text != "":
				body = line.Text
			}
			method, path, _ := strings.Cut(line.Ask, " ")
			status, header, answer := h.ask(method, fill(path), token, contentType, fill(body))
			require.Equal(t, line.Status, status, "%s", answer)
			require.Equal(t, "application/json; charset=UTF-8", header.Get("Content-Type"))
			var got, want any
			require.NoError(t, json.Unmarshal(answer, &got))
			if line.First != nil {
				require.NotEmpty(t, got)
				got, line.Answer = got.([]any)[0], line.First
			}
			require.NoError(t, json.Unmarshal([]byte(fill(string(line.Answer))), &want))
			require.Empty(t, differences("answer", want, got), "%s", answer)
			for name, member := range line.Keep {
				known = append(known, "{"+name+"}", fmt.Sprint(got.(map[string]any)[member]))
			}
		})
	}
}

// differences are where got is not what want asks for: each member, and no other.
func differences(at string, want, got any) (found []string) {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []string{at + " is no object"}
		}
		for name := range w {
			if _, ok := g[name]; !ok {
				found = append(found, at+"."+name+" is missing")
			}
		}
		for name := range g {
			if _, ok := w[name]; !ok {
				found = append(found, at+"."+name+" is too much")
				continue
			}
			found = append(found, differences(at+"."+name, w[name], g[name])...)
		}
		return found
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{fmt.Sprintf("%s is no list of %d", at, len(w))}
		}
		for i := range w {
			found = append(found, differences(fmt.Sprintf("%s[%d]", at, i), w[i], g[i])...)
		}
		return found
	case string:
		if form, ok := forms[w]; ok {
			if text, ok := got.(string); !ok || !form.MatchString(text) {
				return []string{fmt.Sprintf("%s is no %s: %v", at, w, got)}
			}
			return nil
		}
		switch w {
		case "<number>":
			if _, ok := got.(float64); !ok {
				return []string{at + " is no number"}
			}
			return nil
		case "<buffer>":
			b, ok := got.(map[string]any)
			if !ok || len(b) != 2 || b["type"] != "Buffer" || len(b["data"].([]any)) != 32 {
				return []string{at + " is no Buffer of 32 bytes"}
			}
			return nil
		}
	}
	if want != got {
		return []string{fmt.Sprintf("%s is %v, not %v", at, got, want)}
	}
	return nil
}
