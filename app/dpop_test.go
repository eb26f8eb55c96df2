package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/keys/dpop/dpoptest"
)

// tokenRequest asks for tokens with a proof, and once more where it is told a nonce.
func (r *running) tokenRequest(a application, key *dpoptest.Client, values url.Values) answer {
	r.t.Helper()
	send := func(changes map[string]any) answer {
		header := http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"},
			"Dpop":         {key.Proof(http.MethodPost, r.config.Issuer+"/oauth/token", "", changes)},
		}
		(&http.Request{Header: header}).SetBasicAuth(a.id, a.secret)
		return r.do(http.MethodPost, r.public+"/oauth/token", strings.NewReader(values.Encode()), header)
	}
	answered := send(nil)
	if nonce := answered.header.Get("DPoP-Nonce"); nonce != "" {
		answered = send(map[string]any{"nonce": nonce})
	}
	return answered
}

func proven(token, proof string) http.Header {
	return http.Header{"Authorization": {"DPoP " + token}, "Dpop": {proof}}
}

// The processes share what they know of proofs: one that was used at a gateway is refused at every other.
func TestTokensThatAreBoundToAKey(t *testing.T) {
	for _, nonce := range []string{config.NonceOff, config.NonceRequired} {
		t.Run(nonce, func(t *testing.T) {
			cfg := testConfig(echoUpstream(t))
			cfg.RedisURL, cfg.DPoP.Nonce = privateRedis(t), nonce
			authz := startRole(t, cfg, config.AuthzOnly)
			authz.awaitReady()
			atGateway := gatewayConfig(cfg, authz)
			atGateway.DPoP.URLs = []string{"https://api.example.com"}
			here, there := startRole(t, atGateway, config.GatewayOnly), startRole(t, atGateway, config.GatewayOnly)
			here.awaitReady()
			there.awaitReady()

			key, a := dpoptest.New(t), authz.register()
			issued := authz.tokenRequest(a, key, url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {authz.consent(a, 1, "balance:read").refresh},
			})
			require.Equal(t, http.StatusOK, issued.status, issued.body)
			require.Equal(t, "DPoP", issued.json(t)["token_type"])
			token := issued.json(t)["access_token"].(string)

			uri, target := "https://api.example.com/balance", "/balance?unit=sat"
			changes := map[string]any{}
			if nonce == config.NonceRequired {
				asked := there.do(http.MethodGet, there.public+target, nil, proven(token, key.Proof(http.MethodGet, uri, token, nil)))
				require.Contains(t, asked.header.Get("WWW-Authenticate"), `error="use_dpop_nonce"`)
				changes["nonce"] = asked.header.Get("DPoP-Nonce") // of the one gateway is good at the other
			}
			proof := key.Proof(http.MethodGet, uri, token, changes)
			passed := here.do(http.MethodGet, here.public+target, nil, proven(token, proof))
			require.Equal(t, http.StatusOK, passed.status, passed.body)
			require.NotContains(t, strings.ToLower(passed.body), "dpop", "the upstream is not told")
			for _, gateway := range []*running{here, there} {
				again := gateway.do(http.MethodGet, gateway.public+target, nil, proven(token, proof))
				require.Equal(t, http.StatusUnauthorized, again.status, again.body)
				require.Contains(t, again.header.Get("WWW-Authenticate"), `error="invalid_dpop_proof"`)
				require.Contains(t, again.body, "it was used before")
				require.Equal(t, http.StatusUnauthorized, gateway.do(http.MethodGet, gateway.public+target, nil, bearer(token)).status)
			}
			twice := proven(token, key.Proof(http.MethodGet, uri, token, changes))
			twice.Add("DPoP", key.Proof(http.MethodGet, uri, token, changes))
			require.Contains(t, here.do(http.MethodGet, here.public+target, nil, twice).body, "more than one DPoP proof")
			elsewhere := key.Proof(http.MethodGet, cfg.Issuer+"/balance", token, changes)
			require.Contains(t, here.do(http.MethodGet, here.public+target, nil, proven(token, elsewhere)).body, "another URI")
		})
	}
}

// The adaptor between the listener and the authorization server keeps both fields apart.
func TestTwoProofsAreRefusedAtTheTokenEndpoint(t *testing.T) {
	r := start(t, testConfig(echoUpstream(t)))
	key, a := dpoptest.New(t), r.register()
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for range 2 {
		header.Add("DPoP", key.Proof(http.MethodPost, r.config.Issuer+"/oauth/token", "", nil))
	}
	(&http.Request{Header: header}).SetBasicAuth(a.id, a.secret)
	values := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.consent(a, 1, "balance:read").refresh}}
	refused := r.do(http.MethodPost, r.public+"/oauth/token", strings.NewReader(values.Encode()), header)
	require.Equal(t, http.StatusBadRequest, refused.status)
	require.Contains(t, refused.body, "more than one DPoP proof")
}

func TestAPageOfAnotherOriginCanSendAProof(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.CORS.Origins = []string{"https://app.example"}
	r := start(t, cfg)
	for _, path := range []string{"/balance", "/oauth/token"} {
		method := map[string]string{"/balance": http.MethodGet, "/oauth/token": http.MethodPost}[path]
		asked := r.do(http.MethodOptions, r.public+path, nil, http.Header{
			"Origin": {"https://app.example"}, "Access-Control-Request-Method": {method}, "Access-Control-Request-Headers": {"authorization, dpop"},
		})
		require.Equal(t, http.StatusNoContent, asked.status)
		require.Contains(t, asked.header.Get("Access-Control-Allow-Headers"), "DPoP")
		answered := r.do(method, r.public+path, nil, http.Header{"Origin": {"https://app.example"}})
		require.Contains(t, answered.header.Get("Access-Control-Expose-Headers"), "DPoP-Nonce")
	}
}
