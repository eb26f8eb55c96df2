package credential

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

var claims = &keys.Claims{Subject: "7", ClientID: "app", ID: "token-1", GrantID: "grant-1", Scopes: []string{"a", "b"}}

func newCredential(t *testing.T, name, in string) *Credential {
	t.Helper()
	place, err := ParsePlace(in, name)
	require.NoError(t, err)
	c, err := New(Config{Name: name, In: place, Secret: []byte("secret"), Now: func() time.Time { return time.Unix(1, 0) }})
	require.NoError(t, err)
	return c
}

func TestWhereACredentialGoes(t *testing.T) {
	for in, want := range map[string]struct{ query, fields, secret string }{
		"":               {"?a&token=evil", "Authorization: Bearer own\r\n", ""},
		"header:X-Token": {"?a&token=evil", "X-Token: own\r\n", ""},
		"query:token":    {"?a&token=own", "", "own"},
	} {
		c := newCredential(t, Forward, in)
		made, err := c.Append(nil, claims, []byte("own"))
		require.NoError(t, err)
		query, err := c.AppendQuery(nil, []byte("?a&token=evil"), made)
		require.NoError(t, err)
		require.Equal(t, want.query, string(query), in)
		require.Equal(t, want.fields, string(c.AppendFields(nil, made)), in)
		require.Equal(t, want.secret, string(c.Secret(made)), in)
		require.Nil(t, c.Secret(nil), "a caller without a token has none: %s", in)
	}
}

func TestWhoMadeACredential(t *testing.T) {
	for name, own := range map[string]bool{LNDHub: true, Headers: true, Forward: false, None: false} {
		require.Equal(t, own, newCredential(t, name, "").MadeByGateway(), name)
	}
}

func TestACredentialOfNobody(t *testing.T) {
	c := newCredential(t, LNDHub, "")
	for _, of := range []*keys.Claims{{Subject: "7"}, {Subject: "alice", GrantID: "grant-1"}, {Subject: "07", GrantID: "grant-1"}} {
		made, err := c.Append([]byte("before"), of, nil)
		require.ErrorIs(t, err, ErrNoUser)
		require.Empty(t, made)
	}
}

func TestWhatAHubMeansByA401(t *testing.T) {
	const bad, suspended = `{"error":true,"code":1,"message":"bad auth"}`, `{"error":true,"code":9,"message":"Account has been suspended: ask"}`
	var h Hub
	require.Equal(t, NotTheHubs, h.Refuses("7", []byte("<html>")))
	require.Equal(t, NotTheHubs, h.Refuses("7", []byte(`{"error":true,"code":2,"message":"bad auth"}`)))
	require.Equal(t, NotTheHubs, h.Refuses("7", nil))
	for range 5 {
		require.Equal(t, OfTheUser, h.Refuses("7", []byte(bad)), "the same user again")
	}
	require.Equal(t, OfTheUser, h.Refuses("8", []byte(bad)))
	require.Equal(t, OfEverybody, h.Refuses("9", []byte(bad)))
	require.Equal(t, OfEverybody, h.Refuses("7", []byte(bad)))
	require.Equal(t, OfTheUser, h.Refuses("7", []byte(suspended)), "a suspension names its user")
	h.LetsIn()
	require.Equal(t, OfTheUser, h.Refuses("7", []byte(bad)))
}
