package oauth2server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/stretchr/testify/require"
)

// place is a server that the rows are sent to.
type place struct {
	public, admin string
	jwtSecret     string
}

// people are users' JWTs as the host application makes them.
func (p place) people(t *testing.T) known {
	t.Helper()
	earlier := time.Now().Add(-time.Hour)
	return known{
		"user":     userJWT(t, p.jwtSecret, 12345, later()),
		"other":    userJWT(t, p.jwtSecret, 54321, later()),
		"expired":  userJWT(t, p.jwtSecret, 12345, &earlier),
		"endless":  userJWT(t, p.jwtSecret, 12345, nil),
		"foreign":  userJWT(t, "the secret of somebody else", 12345, later()),
		"nameless": userJWT(t, p.jwtSecret, nil, later()),
	}
}

func later() *time.Time {
	at := time.Now().Add(time.Hour)
	return &at
}

func userJWT(t *testing.T, secret string, id any, ends *time.Time) string {
	t.Helper()
	builder := jwt.NewBuilder()
	if id != nil {
		builder.Claim("id", id)
	}
	if ends != nil {
		builder.Expiration(*ends)
	}
	claims, err := builder.Build()
	require.NoError(t, err)
	signed, err := jwt.Sign(claims, jwt.WithKey(jwa.HS256, []byte(secret)))
	require.NoError(t, err)
	return string(signed)
}

// send sends the row, keeps what it says to keep, and returns what was answered.
func (p place) send(t *testing.T, r row, k known) answer {
	t.Helper()
	base := p.public
	if strings.HasPrefix(r.Send.Path, "/admin/") {
		base = p.admin
	}
	target := base + k.fill(t, r.Send.Path)
	if len(r.Send.Query) > 0 {
		target += "?" + k.values(t, r.Send.Query).Encode()
	}
	body, kind := k.fill(t, r.Send.Body), ""
	switch {
	case r.Send.Form != nil:
		body, kind = k.values(t, r.Send.Form).Encode(), "application/x-www-form-urlencoded"
	case r.Send.JSON != nil:
		body, kind = k.fill(t, string(r.Send.JSON)), "application/json"
	}
	request, err := http.NewRequestWithContext(t.Context(), r.Send.Method, target, strings.NewReader(body))
	require.NoError(t, err)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if r.Send.Basic != nil {
		request.SetBasicAuth(k.fill(t, r.Send.Basic[0]), k.fill(t, r.Send.Basic[1]))
	}
	for name, value := range r.Send.Headers {
		request.Header.Set(name, k.fill(t, value))
	}
	response, err := http.DefaultTransport.RoundTrip(request) // which follows no redirect
	require.NoError(t, err)
	defer response.Body.Close()
	have := read(t, response)
	for name, from := range r.Keep {
		if value, ok := have.Parameters[from]; ok {
			k[name] = value
			continue
		}
		object, _ := have.Body.(map[string]any)
		value, _ := object[from].(string)
		require.NotEmpty(t, value, "%s of %+v", from, have)
		k[name] = value
	}
	return have
}

func (k known) values(t *testing.T, parameters map[string]string) url.Values {
	t.Helper()
	values := url.Values{}
	for name, value := range parameters {
		values.Set(name, k.fill(t, value))
	}
	return values
}

func read(t *testing.T, response *http.Response) answer {
	t.Helper()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	have := answer{Status: response.StatusCode}
	if kind := response.Header.Get("Content-Type"); kind != "" {
		have.Type, _, err = mime.ParseMediaType(kind)
		require.NoError(t, err)
	}
	if location, err := response.Location(); err == nil {
		have.Parameters = map[string]string{}
		for name, values := range location.Query() {
			have.Parameters[name] = values[0]
		}
		if location.Fragment != "" {
			have.Parameters["#"] = location.Fragment
		}
		location.RawQuery, location.Fragment = "", ""
		have.Redirect = location.String()
	}
	if have.Type != "application/json" {
		if text := strings.TrimSpace(string(raw)); text != "" {
			have.Body = text
		}
		return have
	}
	require.NoError(t, json.NewDecoder(bytes.NewReader(raw)).Decode(&have.Body), "%s", raw)
	return have
}
