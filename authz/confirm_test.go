package authz_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
)

// gatewayAt is a gateway that has read the feed up to a line, and reads no more.
func (w *world) gatewayAt(name, line string) {
	w.Helper()
	_, err := w.redis.SAdd("{gh}:gateways", name)
	require.NoError(w, err)
	require.NoError(w, w.redis.Set("{gh}:gateway:"+name, line))
}

// TestTheAnswerToARevocationSaysHowManyGatewaysMayNotKnow revokes in each way there is, beside a gateway that has read
// everything that will ever come, and one that has read nothing.
func TestTheAnswerToARevocationSaysHowManyGatewaysMayNotKnow(t *testing.T) {
	const wait = 50 * time.Millisecond
	w := newWorld(t, func(c *authz.Config) { c.RevocationWait = wait })
	ways := map[string]func(a answer) answer{
		"access token": func(a answer) answer {
			return w.post("/oauth/revoke", form("token", a.str("access_token")), basic("app", appSecret))
		},
		"refresh token": func(a answer) answer {
			return w.post("/oauth/revoke", form("token", a.str("refresh_token")), basic("app", appSecret))
		},
		"disconnected": func(answer) answer { return w.do(http.MethodDelete, w.url+"/clients/app", "", nil, w.as(12345)) },
		"by operator":  func(a answer) answer { return w.revokeAny(`{"access_token":"` + a.str("access_token") + `"}`) },
	}
	for name, revoke := range ways {
		w.redis.Del("{gh}:gateways")
		w.gatewayAt("quick", "9999999999999-0")
		r := revoke(w.tokens())
		require.Less(t, r.StatusCode, 300, "%s: %s", name, r.text)
		require.Empty(t, r.Header.Get("Unconfirmed-Gateways"), name)
		if name == "by operator" {
			require.EqualValues(t, 0, r.json["unconfirmed_gateways"])
		}

		w.gatewayAt("stuck-"+name, "0-0")
		a := w.tokens()
		began := time.Now()
		r = revoke(a)
		require.GreaterOrEqual(t, time.Since(began), wait, "%s: it was waited for", name)
		require.Less(t, r.StatusCode, 300, "%s: %s", name, r.text)
		require.Equal(t, "1", r.Header.Get("Unconfirmed-Gateways"), name)
		if name == "by operator" {
			require.EqualValues(t, 1, r.json["unconfirmed_gateways"])
		}
		w.requireDenied(a.str("access_token"))
		w.log.Await(t, "stuck-"+name)
	}
	require.EqualValues(t, len(ways), w.denylist.Unconfirmed())

	r := w.adminPost("/admin/keys/"+w.keys.Signing().ID()+"/revoke", "")
	require.Equal(t, http.StatusOK, r.StatusCode, r.text)
	require.Equal(t, "1", r.Header.Get("Unconfirmed-Gateways"))
	r = w.do(http.MethodDelete, w.admin+"/admin/clients/app", "", nil)
	require.Equal(t, http.StatusNoContent, r.StatusCode, r.text)
	require.Equal(t, "1", r.Header.Get("Unconfirmed-Gateways"))
	w.redis.Del("{gh}:gateways")
	r = w.do(http.MethodDelete, w.admin+"/admin/clients/other", "", nil)
	require.Equal(t, http.StatusNoContent, r.StatusCode, r.text)
	require.Empty(t, r.Header.Get("Unconfirmed-Gateways"), "nobody to wait for")
}
