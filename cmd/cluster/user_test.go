package cluster_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/stretchr/testify/require"
)

const callback = "http://localhost:9999/callback"

// caller is what users and applications send requests with. It follows no redirect and gives up in time. It keeps
// connections for less long than a server does, so that no request is sent on one that is just ending.
var caller = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Second},
}

type answer struct {
	status   int
	location string
	body     string
	// unconfirmed is how many gateways may not know of a revocation; "" when all do.
	unconfirmed string
}

// send returns an error only when there was no answer.
func send(method, target, authorization, contentType, body string) (answer, error) {
	request, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := caller.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header.Get("Location"), string(text), response.Header.Get("Unconfirmed-Gateways")}, err
}

// application is a registered client.
type application struct{ id, secret string }

func (a application) basic() string {
	request := &http.Request{Header: http.Header{}}
	request.SetBasicAuth(a.id, a.secret)
	return request.Header.Get("Authorization")
}

// grant is what an application holds for one user.
type grant struct {
	application
	user            int
	access, refresh string
}

func (in *installation) register() application {
	in.t.Helper()
	a, err := registerAt(in.authz[0])
	require.NoError(in.t, err)
	return a
}

func registerAt(s *server) (application, error) {
	created, err := succeed(http.StatusOK)(send(http.MethodPost, "http://"+s.admin+"/admin/clients", "", "application/json",
		`{"name":"Cluster","domain":"http://localhost:9999"}`))
	if err != nil {
		return application{}, err
	}
	var fields struct{ ClientID, ClientSecret string }
	err = json.Unmarshal([]byte(created.body), &fields)
	return application{fields.ClientID, fields.ClientSecret}, err
}

// unexpected is an answer that should have been another.
type unexpected answer

func (u unexpected) Error() string { return fmt.Sprintf("%d %s", u.status, u.body) }

// succeed makes every other status an error, which says what was answered instead.
func succeed(status int) func(answer, error) (answer, error) {
	return func(got answer, err error) (answer, error) {
		if err == nil && got.status != status {
			err = unexpected(got)
		}
		return got, err
	}
}

func userJWT(user int) (string, error) {
	token, err := jwt.NewBuilder().Claim("id", user).Expiration(time.Now().Add(time.Hour)).Build()
	if err != nil {
		return "", err
	}
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.HS256, []byte(hostSecret)))
	return string(signed), err
}

// consent lets the user allow the application to read the balance, and the application fetch its tokens.
func (in *installation) consent(a application, user int) grant {
	in.t.Helper()
	issued, err := a.consentAt(in.issuer, user)
	require.NoError(in.t, err)
	return issued
}

func (a application) consentAt(issuer string, user int) (grant, error) {
	return a.consentTo("balance:read", issuer, user)
}

func (a application) consentTo(scope, issuer string, user int) (grant, error) {
	code, err := a.codeFor(scope, issuer, user)
	if err != nil {
		return grant{}, err
	}
	return a.redeemAt(issuer, user, code)
}

// codeAt lets the user allow the application to read the balance.
func (a application) codeAt(issuer string, user int) (code string, err error) {
	return a.codeFor("balance:read", issuer, user)
}

func (a application) codeFor(scope, issuer string, user int) (code string, err error) {
	proof, err := userJWT(user)
	if err != nil {
		return "", err
	}
	query := url.Values{"client_id": {a.id}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {scope}}
	allowed, err := succeed(http.StatusFound)(send(http.MethodPost, issuer+"/oauth/authorize?"+query.Encode(), "Bearer "+proof, "", ""))
	if err != nil {
		return "", err
	}
	location, err := url.Parse(allowed.location)
	if err != nil {
		return "", err
	}
	query = location.Query()
	if query.Get("error") == "temporarily_unavailable" {
		return "", unexpected{status: http.StatusServiceUnavailable, body: query.Encode()}
	}
	if code = query.Get("code"); code == "" {
		return "", fmt.Errorf("no code: %s", query)
	}
	return code, nil
}

func (a application) redeemAt(issuer string, user int, code string) (grant, error) {
	return grant{application: a, user: user}.token(issuer, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback},
	})
}

func (g grant) token(issuer string, values url.Values) (grant, error) {
	issued, err := succeed(http.StatusOK)(send(http.MethodPost, issuer+"/oauth/token", g.basic(),
		"application/x-www-form-urlencoded", values.Encode()))
	if err != nil {
		return g, err
	}
	var fields struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	err = json.Unmarshal([]byte(issued.body), &fields)
	g.access, g.refresh = fields.Access, fields.Refresh
	return g, err
}

func (g grant) refreshed(issuer string) (grant, error) {
	return g.token(issuer, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.refresh}})
}

// balance is the status of a request through a gateway; 0 when there was no answer.
func balance(gateway, access string) int {
	got, err := send(http.MethodGet, gateway+"/balance", "Bearer "+access, "", "")
	if err != nil {
		return 0
	}
	return got.status
}

// revocations are the ways in which access is taken back, each at the authorization server it is given.
var revocations = []struct {
	name   string
	revoke func(s *server, g grant) (answer, error)
}{
	{"token", func(s *server, g grant) (answer, error) { return revokeAt(s, g, g.access) }},
	{"grant", func(s *server, g grant) (answer, error) { return revokeAt(s, g, g.refresh) }},
	{"client", func(s *server, g grant) (answer, error) {
		return send(http.MethodDelete, "http://"+s.admin+"/admin/clients/"+g.id, "", "", "")
	}},
	{"user", func(s *server, g grant) (answer, error) {
		return send(http.MethodPost, "http://"+s.admin+"/admin/revocations", "", "application/json", fmt.Sprintf(`{"user":"%d"}`, g.user))
	}},
}

func revokeAt(s *server, g grant, token string) (answer, error) {
	return send(http.MethodPost, s.url()+"/oauth/revoke", g.basic(), "application/x-www-form-urlencoded", url.Values{"token": {token}}.Encode())
}
