package oauth2server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client"
	"gatehouse/authz/oauth2server"
)

// TestWhatADomainMeansHere: a web address goes on as one, everything else is an exact redirect URI, or is refused.
func TestWhatADomainMeansHere(t *testing.T) {
	for domain, want := range map[string]struct {
		domain    string
		redirects []string
		refused   string
	}{
		"https://app.example":                {domain: "https://app.example"},
		"http://app.example:8080":            {domain: "http://app.example:8080"},
		"HTTPS://App.example/cb?a=b#c":       {domain: "https://App.example"},
		"https://*.app.example":              {domain: "https://*.app.example"},
		"http://localhost:8080":              {domain: "http://localhost:8080"},
		"https://*.com":                      {refused: "public suffix"},
		"https://*.github.io":                {refused: "public suffix"},
		"http://*.app.example":               {refused: "needs https"},
		"https://*":                          {refused: "domain"},
		"https://":                           {refused: "host"},
		"myapp://oauth":                      {redirects: []string{"myapp://oauth", "myapp://oauth/used"}},
		"com.example.app:/oauth":             {redirects: []string{"com.example.app:/oauth"}},
		"urn:ietf:wg:oauth:2.0:oob":          {redirects: []string{"urn:ietf:wg:oauth:2.0:oob"}},
		"localhost:8080":                     {refused: "domain"},
		"localhost:8080/app":                 {refused: "domain"},
		"javascript:alert(1)":                {refused: "script"},
		"":                                   {refused: "required"},
		"app.example":                        {refused: "scheme"},
		"https://user:password@app.example/": {domain: "https://app.example"},
		"myapp://oauth?code=1":               {refused: "code"},
	} {
		t.Run(domain, func(t *testing.T) {
			c := oauth2server.Client{ID: "app", Secret: "word", Domain: domain, Name: "App"}
			if domain == "myapp://oauth" {
				c.Redirects = []string{"myapp://oauth/used", "myapp://oauth"}
			}
			settings, _, err := c.Settings()
			if want.refused != "" {
				require.ErrorContains(t, err, want.refused)
				return
			}
			require.NoError(t, err)
			require.Equal(t, want.domain, settings.Domain)
			require.Equal(t, want.redirects, settings.RedirectURIs)
			require.False(t, settings.Public)
			made, drawn, err := settings.Import()
			require.NoError(t, err)
			require.False(t, drawn)
			for _, uri := range want.redirects {
				require.True(t, client.RedirectAllowed(made, uri), uri)
			}
		})
	}
}

func TestWhatIsDifferentIsNoted(t *testing.T) {
	for name, test := range map[string]struct {
		client oauth2server.Client
		name   string
		notes  int
	}{
		"nothing":         {oauth2server.Client{ID: "app", Domain: "https://a.example", Name: "App", URL: "https://a.example", ImageURL: "https://a.example/i"}, "App", 0},
		"no name":         {oauth2server.Client{ID: "app", Domain: "https://a.example"}, "app", 1},
		"invisible":       {oauth2server.Client{ID: "app", Domain: "https://a.example", Name: "A\u202epp"}, "App", 1},
		"mixed scripts":   {oauth2server.Client{ID: "app", Domain: "https://a.example", Name: "Аlby"}, "app", 1},
		"links":           {oauth2server.Client{ID: "app", Domain: "https://a.example", Name: "App", URL: "javascript:x", ImageURL: "data:image/png,x"}, "App", 2},
		"no web address":  {oauth2server.Client{ID: "app", Domain: "myapp://x", Name: "App"}, "App", 1},
		"everything":      {oauth2server.Client{ID: "app", Domain: "myapp://x", Name: "A\x00pp", URL: "x y", ImageURL: "x y"}, "App", 4},
		"only whitespace": {oauth2server.Client{ID: "app", Domain: "https://a.example", Name: " App "}, "App", 1},
	} {
		t.Run(name, func(t *testing.T) {
			settings, notes, err := test.client.Settings()
			require.NoError(t, err)
			require.Equal(t, test.name, settings.Name)
			require.Len(t, notes, test.notes, "%q", notes)
			require.True(t, settings.Public, "it has no secret")
		})
	}
}
