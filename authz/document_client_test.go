package authz_test

import (
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/admin"
	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/authztest"
	"gatehouse/authz/user"
	"gatehouse/denylist"
	"gatehouse/registry"
)

// agents is a world to which clients come by themselves.
type agents struct {
	*world
	documents *authztest.Documents
	refused   string // a host whose documents are not read
}

func newAgents(t *testing.T, change ...func(*document.Config)) *agents {
	t.Helper()
	a := &agents{documents: authztest.NewDocuments(t)}
	a.says(nil)
	a.world = newWorld(t, func(c *authz.Config) {
		c.Documents = a.documents.Source(t, func(d *document.Config) {
			d.Scopes, d.Now = c.Scopes, c.Now
			d.Refuse = func(host string) bool { return host == a.refused }
			for _, change := range change {
				change(d)
			}
		})
	})
	return a
}

// says is what the agent's document says, with changes; nil removes.
func (a *agents) says(changes map[string]any) {
	members := map[string]any{
		"client_name": "An agent", "redirect_uris": []string{callback}, "grant_types": []string{"authorization_code", "refresh_token"},
	}
	maps.Copy(members, changes)
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == nil })
	a.documents.Says(members)
}

var pkce = []string{"code_challenge", s256(strings.Repeat("v", 43)), "code_challenge_method", "S256"}

// asks is where the agent sends the user's browser.
func (a *agents) asks(pairs ...string) string {
	return request(a.documents.At, append(append([]string{"scope", "balance:read"}, pkce...), pairs...)...)
}

// redeems redeems the code of an answer as the agent.
func (a *agents) redeems(code string) answer {
	return a.post("/oauth/token", redemption(code, "client_id", a.documents.At, "code_verifier", strings.Repeat("v", 43)))
}

func (a *agents) refreshes(token string) answer {
	return a.post("/oauth/token", refreshing(token, "client_id", a.documents.At))
}

// connected are the tokens of an agent that the user has allowed to read.
func (a *agents) connected(b *browser) answer {
	a.Helper()
	b.open(a.asks())
	token := a.redeems(b.sent(b.press("allow")).Get("code"))
	require.Equal(a, http.StatusOK, token.StatusCode, token.text)
	return token
}

func (a *agents) hostToken() string {
	return a.userJWT(map[string]any{"id": 12345, "exp": a.clock.Now().Add(time.Hour).Unix()})
}

func (a *agents) rows() (n int) {
	a.Helper()
	clients, err := a.registry.Clients(a.Context())
	require.NoError(a, err)
	for _, c := range clients {
		if c.Fingerprint != "" {
			n++
		}
	}
	return n
}

func TestAnAgentComesByItsDocument(t *testing.T) {
	a := newAgents(t)
	require.Equal(t, true, a.get("/.well-known/oauth-authorization-server").json["client_id_metadata_document_supported"])
	b := a.signedIn()
	requirePage(t, b.open(a.asks()), http.StatusOK)
	require.Contains(t, b.page.text, "An agent asks for access to your account")
	host := strings.TrimSuffix(strings.TrimPrefix(a.documents.At, "https://"), "/agent.json")
	require.Contains(t, b.page.text, "It comes from <strong>"+host+"</strong>")
	require.Contains(t, b.page.text, "Nobody at "+strings.TrimPrefix(a.url, "http://")+" has checked this application.")
	require.Contains(t, b.page.text, "you go back to <strong>localhost:8080</strong>")
	require.Zero(t, a.rows(), "nothing is stored before the user has decided")
	token := a.redeems(b.sent(b.press("allow")).Get("code"))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	access := token.str("access_token")
	require.Equal(t, a.documents.At, a.claims(access).ClientID)
	require.Equal(t, 1, a.rows())

	own := a.get("/oauth/token/introspect", header("Authorization", "Bearer "+access))
	require.Equal(t, a.documents.At, own.str("client_id"), own.text)
	connections := a.get("/clients", header("Authorization", "Bearer "+a.hostToken()))
	require.Contains(t, connections.text, `"name":"An agent"`)
	require.Contains(t, connections.text, `"domain":"`+host+`"`)
	require.Contains(t, b.open("/account/applications").text, host)

	refreshed := a.refreshes(token.str("refresh_token"))
	require.Equal(t, http.StatusOK, refreshed.StatusCode, refreshed.text)
	revoked := a.post("/oauth/revoke", form("token", refreshed.str("refresh_token"), "client_id", a.documents.At))
	require.Equal(t, http.StatusOK, revoked.StatusCode, revoked.text)
	a.requireDenied(refreshed.str("access_token"))
}

func TestAnAgentIsDisconnectedByItsURL(t *testing.T) {
	a := newAgents(t)
	token := a.connected(a.signedIn())
	as := header("Authorization", "Bearer "+a.hostToken())
	gone := a.do(http.MethodDelete, a.url+"/clients/-?client_id="+url.QueryEscape(a.documents.At), "", nil, as)
	require.Equal(t, http.StatusNoContent, gone.StatusCode, gone.text)
	a.requireDenied(token.str("access_token"))
	gone = a.do(http.MethodDelete, a.url+"/clients/-", "", nil, as)
	require.Equal(t, http.StatusNotFound, gone.StatusCode)
}

// A public client has to use PKCE, and whoever is new here has no reason to use the plain method.
func TestAnAgentNeedsPKCE(t *testing.T) {
	a := newAgents(t)
	b := a.signedIn()
	for _, pairs := range [][]string{
		{"code_challenge", "", "code_challenge_method", ""}, {"code_challenge", strings.Repeat("v", 43), "code_challenge_method", "plain"},
	} {
		requirePage(t, b.open(a.asks(pairs...)), http.StatusBadRequest)
	}
	b.open(a.asks())
	code := b.sent(b.press("allow")).Get("code")
	a.requireError(a.post("/oauth/token", redemption(code, "client_id", a.documents.At)), http.StatusBadRequest, "invalid_grant")
	a.requireError(a.post("/oauth/token", redemption(code, "client_id", "spa", "code_verifier", strings.Repeat("v", 43))), http.StatusBadRequest, "invalid_grant")
}

// Anybody can make a document, and let it lead anywhere: nobody is led there who has not decided about it.
func TestWhoHasNotDecidedIsLedNowhere(t *testing.T) {
	a := newAgents(t)
	b := a.browser()
	for _, pairs := range [][]string{{"prompt", "none"}, {"scope", "no:such"}, {"response_type", "token"}, {"request", "x"}, {"max_age", "soon"}} {
		page := b.open(a.asks(pairs...))
		require.Empty(t, page.Header.Get("Location"), pairs)
		requirePage(t, page, page.StatusCode)
		require.GreaterOrEqual(t, page.StatusCode, 400, pairs)
	}
	b = a.signedIn()
	require.Empty(t, b.open(a.asks("prompt", "none")).Header.Get("Location"), "nor who is signed in")
	b.open(a.asks())
	require.Equal(t, "access_denied", b.sent(b.press("deny")).Get("error"))
	require.Zero(t, a.rows(), "what was denied is not stored")
	a.connected(b)
	require.Equal(t, "consent_required", b.sent(b.open(a.asks("prompt", "none", "scope", everything))).Get("error"))
}

// Elsewhere than on our page nobody sees where such a client comes from.
func TestAnAgentIsAllowedOnThePageOnly(t *testing.T) {
	a := newAgents(t)
	asked := authorization(a.documents.At, append([]string{"scope", "balance:read"}, pkce...)...)
	answer := a.post("/oauth/authorize", asked)
	a.requireError(answer, http.StatusBadRequest, "unauthorized_client")
	answer = a.get(a.asks(), header("Authorization", "Bearer "+a.hostToken()))
	a.requireError(answer, http.StatusBadRequest, "unauthorized_client")
	require.Zero(t, a.rows())
}

func TestWhatIsNoDocumentIsNoClient(t *testing.T) {
	for name, test := range map[string]struct {
		answers func(*agents)
		page    string
	}{
		"not found": {func(a *agents) { a.documents.Answers(http.NotFound) }, "cannot be read at this moment"},
		"another's": {func(a *agents) { a.says(map[string]any{"client_id": "https://bank.example/x"}) }, "is not accepted here"},
		"a secret":  {func(a *agents) { a.says(map[string]any{"token_endpoint_auth_method": "client_secret_post"}) }, "is not accepted here"},
		"keys that nobody has": {func(a *agents) {
			a.says(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": map[string]any{"keys": []any{map[string]any{"kty": "EC"}}}})
		}, "is not accepted here"},
		"other redirect": {func(a *agents) { a.says(map[string]any{"redirect_uris": []string{callback + "/other"}}) }, "an address that is not registered"},
		"refused host":   {func(a *agents) { a.refused = "localhost" }, "is not known here"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgents(t)
			test.answers(a)
			page := a.signedIn().open(a.asks())
			requirePage(t, page, page.StatusCode)
			require.Contains(t, []int{400, 401}, page.StatusCode)
			require.Contains(t, page.text, test.page)
			require.NotContains(t, a.get(a.asks()).text, "dial", "nothing is told of the network here")
		})
	}
	a := newAgents(t)
	for _, id := range []string{"https://localhost", "https://10.0.0.1/x", "https://localhost:22/x", "http://localhost/x"} {
		requirePage(t, a.signedIn().open(request(id)), http.StatusBadRequest)
	}
	require.Zero(t, a.documents.Fetches())
}

func TestNobodyIsFetchedForAtTheTokenEndpoint(t *testing.T) {
	a := newAgents(t)
	a.requireError(a.redeems("code"), http.StatusUnauthorized, "invalid_client")
	require.Zero(t, a.documents.Fetches(), "no user has allowed it anything")
}

func TestWithoutDocumentsThereAreNoAgents(t *testing.T) {
	w := newWorld(t)
	requirePage(t, w.signedIn().open(request("https://localhost/x")), http.StatusBadRequest)
	require.NotContains(t, w.get("/.well-known/oauth-authorization-server").text, "client_id_metadata_document_supported")
}

// Ten thousand URLs of one stranger are a few fetches, and no row.
func TestOneAddressMakesFewFetches(t *testing.T) {
	pace := &user.Pace{Burst: 20, Every: time.Hour}
	a := newAgents(t, func(d *document.Config) { d.Pace = func(from netip.Addr) error { return pace.Take(from) } })
	last := 0
	for i := range 200 {
		last = a.get(request(a.documents.At+"?"+strconv.Itoa(i), pkce...), asBrowser).StatusCode
	}
	require.Equal(t, http.StatusTooManyRequests, last)
	require.Equal(t, 20, a.documents.Fetches())
	require.Zero(t, a.rows())
}

func TestConsentIsAskedAgainWhenTheDocumentHasChanged(t *testing.T) {
	a := newAgents(t)
	b := a.signedIn()
	before := a.connected(b)
	b.open(a.asks())
	require.Contains(t, b.page.text, "It asks for nothing new.")

	a.says(map[string]any{"client_name": "Your bank"})
	a.clock.Advance(10 * time.Minute)
	b.open(a.asks())
	require.Contains(t, b.page.text, "Your bank asks for access")
	require.Contains(t, b.page.text, "It describes itself otherwise now than when you allowed it.")
	require.NotContains(t, b.page.text, "It may do this already")
	require.Contains(t, b.open(a.asks("prompt", "none")).text, "This request cannot be answered", "what is new about it was not allowed yet")

	refreshed := a.refreshes(before.str("refresh_token"))
	require.Equal(t, http.StatusOK, refreshed.StatusCode, refreshed.text)
	a.connected(b)
	b.open(a.asks())
	require.Contains(t, b.page.text, "It asks for nothing new.")
}

// Where nobody is asked, only what was shown counts.
func TestAnAgentThatHasChangedGetsNothingUnasked(t *testing.T) {
	const back = "https://agent.example/back"
	a := newAgents(t)
	a.says(map[string]any{"redirect_uris": []string{back}})
	b := a.signedIn()
	code := func(page answer) string {
		location, err := page.Location()
		require.NoError(t, err, page.text)
		return location.Query().Get("code")
	}
	b.open(a.asks("redirect_uri", back))
	first := code(b.press("allow"))
	token := a.post("/oauth/token", redemption(first, "redirect_uri", back, "client_id", a.documents.At, "code_verifier", strings.Repeat("v", 43)))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	require.NotEmpty(t, code(b.open(a.asks("redirect_uri", back, "prompt", "none"))))

	a.says(map[string]any{"redirect_uris": []string{back}, "client_name": "Your bank"})
	a.clock.Advance(10 * time.Minute)
	page := b.open(a.asks("redirect_uri", back, "prompt", "none"))
	require.Empty(t, page.Header.Get("Location"))
}

// Between what the user has seen and the click, the document may change.
func TestOnlyWhatWasShownIsAllowed(t *testing.T) {
	a := newAgents(t)
	b := a.signedIn()
	b.open(a.asks())
	a.says(map[string]any{"client_name": "Your bank"})
	a.clock.Advance(6 * time.Minute)
	requirePage(t, b.press("allow"), http.StatusConflict)
	require.Contains(t, b.page.text, "has changed meanwhile")
	require.Contains(t, b.page.text, "Your bank asks for access")
	require.Zero(t, a.rows())
	require.NotEmpty(t, b.sent(b.press("allow")).Get("code"))

	b.open(a.asks())
	a.says(map[string]any{"redirect_uris": []string{"https://thief.example/"}})
	a.clock.Advance(6 * time.Minute)
	page := b.press("allow")
	requirePage(t, page, http.StatusBadRequest)
	require.Empty(t, page.Header.Get("Location"), "the code goes nowhere")
}

// Who redirects elsewhere now gets no code for it, and a code that is out is worth nothing there.
func TestADocumentThatChangesItsRedirectsGainsNothing(t *testing.T) {
	a := newAgents(t)
	b := a.signedIn()
	a.connected(b)
	b.open(a.asks())
	code := b.sent(b.press("allow")).Get("code")
	a.says(map[string]any{"redirect_uris": []string{"https://thief.example/"}})
	a.clock.Advance(6 * time.Minute)
	thief := redemption(code, "client_id", a.documents.At, "redirect_uri", "https://thief.example/", "code_verifier", strings.Repeat("v", 43))
	a.requireError(a.post("/oauth/token", thief), http.StatusBadRequest, "invalid_grant")
	page := b.open(a.asks("redirect_uri", "https://thief.example/", "prompt", "none"))
	require.Empty(t, page.Header.Get("Location"), "the user has allowed no such redirect")
}

func TestAccessGoesOnWhileTheDocumentCannotBeRead(t *testing.T) {
	a := newAgents(t)
	token := a.connected(a.signedIn())
	a.documents.Answers(http.NotFound)
	a.clock.Advance(10 * time.Minute)
	refreshed := a.refreshes(token.str("refresh_token"))
	require.Equal(t, http.StatusOK, refreshed.StatusCode, refreshed.text)

	slow := make(chan struct{})
	defer close(slow)
	a.documents.Answers(func(http.ResponseWriter, *http.Request) { <-slow })
	a.clock.Advance(time.Minute)
	began := time.Now()
	refreshed = a.refreshes(refreshed.str("refresh_token"))
	require.Equal(t, http.StatusOK, refreshed.StatusCode, refreshed.text)
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestADocumentCanSayThatAccessIsNotRenewed(t *testing.T) {
	a := newAgents(t)
	token := a.connected(a.signedIn())
	a.says(map[string]any{"grant_types": []string{"authorization_code"}})
	a.clock.Advance(10 * time.Minute)
	a.requireError(a.refreshes(token.str("refresh_token")), http.StatusBadRequest, "unauthorized_client")
}

// Since then somebody else may use its client_id, who has no key.
func TestAnAgentThatIsToProveWhoItIsGetsNothingWithoutProof(t *testing.T) {
	a := newAgents(t)
	token := a.connected(a.signedIn())
	a.says(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://a.example/k"})
	a.clock.Advance(10 * time.Minute)
	a.requireError(a.refreshes(token.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
}

func TestAnOperatorBarsAnAgent(t *testing.T) {
	for name, bar := range map[string]func(*admin.Operator, string) error{
		"disabled": func(o *admin.Operator, id string) error {
			return second(o.Revoke(t.Context(), admin.Target{ClientID: id}))
		},
		"deleted": func(o *admin.Operator, id string) error { return second(o.DeleteClient(t.Context(), id)) },
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgents(t)
			b := a.signedIn()
			token := a.connected(b)
			operator := a.operator()
			require.NoError(t, bar(operator, a.documents.At))
			a.requireDenied(token.str("access_token"))
			a.requireError(a.refreshes(token.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
			fetched := a.documents.Fetches()
			requirePage(t, b.open(a.asks("state", "again")), http.StatusBadRequest)
			require.Equal(t, fetched, a.documents.Fetches())
		})
	}
	t.Run("before anybody has allowed it", func(t *testing.T) {
		a := newAgents(t)
		require.NoError(t, second(a.operator().Revoke(t.Context(), admin.Target{ClientID: a.documents.At})))
		requirePage(t, a.signedIn().open(a.asks()), http.StatusBadRequest)
		require.ErrorIs(t, second(a.operator().Revoke(t.Context(), admin.Target{ClientID: "nobody"})), registry.ErrNotFound)
	})
	t.Run("with its host", func(t *testing.T) {
		a := newAgents(t)
		token := a.connected(a.signedIn())
		a.refused = "localhost"
		a.requireError(a.refreshes(token.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
	})
}

// Who is shown to users as the document says cannot be described otherwise by somebody else.
func TestNobodyElseChangesAnAgent(t *testing.T) {
	a := newAgents(t)
	a.connected(a.signedIn())
	changed := a.adminDo("PUT", "/"+url.PathEscape(a.documents.At), `{"name":"Other"}`)
	require.Equal(t, http.StatusBadRequest, changed.StatusCode, changed.text)
	shown := a.adminDo("GET", "/"+url.PathEscape(a.documents.At), "")
	require.Equal(t, true, shown.json["document"], shown.text)
	require.NoError(t, a.tell(t.Context(), denylist.Query{ClientID: a.documents.At}))
}

func TestAStrangersPictureIsNotShown(t *testing.T) {
	a := newAgents(t)
	a.says(map[string]any{"logo_uri": "https://tracker.example/pixel.png"})
	b := a.signedIn()
	b.open(a.asks())
	require.NotContains(t, b.page.text, "tracker.example")
	require.NotContains(t, b.page.Header.Get("Content-Security-Policy"), "tracker.example")
	b.press("allow")
	connections := a.get("/clients", header("Authorization", "Bearer "+a.hostToken()))
	require.NotContains(t, connections.text, "tracker.example")
}

func TestAnAgentOnTheUsersMachineIsToldOf(t *testing.T) {
	const warning = "It runs on your own device"
	a := newAgents(t)
	a.says(map[string]any{"redirect_uris": []string{"http://127.0.0.1/back", "http://[::1]/back"}})
	b := a.signedIn()
	b.open(a.asks("redirect_uri", "http://127.0.0.1:53123/back"))
	require.Contains(t, b.page.text, warning)
	require.Contains(t, b.page.text, "127.0.0.1:53123")
	left := b.press("allow")
	require.True(t, strings.HasPrefix(left.Header.Get("Location"), "http://127.0.0.1:53123/back?code="), left.Header.Get("Location"))
	for _, other := range []string{
		"http://localhost:53123/back", "http://127.0.0.1:53123/back/", "http://127.0.0.1:53123/back?x=1", "https://127.0.0.1:53123/back",
		"http://a@127.0.0.1:53123/back", "http://127.0.0.1:53123@thief.example/back", "http://127.0.0.1.thief.example/back", "http://127.1/back",
	} {
		requirePage(t, b.open(a.asks("redirect_uri", other)), http.StatusBadRequest)
	}
	a.says(map[string]any{"redirect_uris": []string{"http://127.0.0.1/back", "https://agent.example/back"}})
	a.clock.Advance(6 * time.Minute)
	require.NotContains(t, b.open(a.asks("redirect_uri", "http://127.0.0.1:53123/back")).text, warning)
}
