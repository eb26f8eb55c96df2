package authz_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
)

func TestWhoeverWantsToKnowIsToldOfEachTokenIssued(t *testing.T) {
	told := make(chan authz.Issued, 8)
	w := newWorld(t, func(c *authz.Config) {
		c.OnIssued = func(_ context.Context, issued authz.Issued) { told <- issued }
	})
	code := w.code("app")
	first := w.redeem(code)
	require.Equal(t, 200, first.StatusCode, first.text)
	require.Equal(t, authz.Issued{GrantType: "authorization_code", ClientID: "app", Subject: subject}, <-told)

	refreshed := w.refresh(first.str("refresh_token"))
	require.Equal(t, 200, refreshed.StatusCode, refreshed.text)
	require.Equal(t, authz.Issued{GrantType: "refresh_token", ClientID: "app", Subject: subject}, <-told)

	own := w.post("/oauth/token", form("grant_type", "client_credentials", "scope", "balance:read"), basic("service", appSecret))
	require.Equal(t, 200, own.StatusCode, own.text)
	require.Equal(t, authz.Issued{GrantType: "client_credentials", ClientID: "service", Subject: "service"}, <-told)

	require.Equal(t, 400, w.redeem(code).StatusCode)
	require.Empty(t, told, "a refusal issues nothing")
}
