import { call, clientID, clientSecret, issuer, redirectURI, visit } from "./user.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Issuer, generators } from "openid-client-v5";

test("discovery, code with PKCE, introspection, refresh, revocation", async () => {
  const { Client } = await Issuer.discover(issuer);
  const client = new Client({ client_id: clientID, client_secret: clientSecret, redirect_uris: [redirectURI] });
  const code_verifier = generators.codeVerifier();
  const state = generators.state();
  const address = client.authorizationUrl({
    scope: "hello:read",
    state,
    code_challenge: generators.codeChallenge(code_verifier),
    code_challenge_method: "S256",
  });
  const parameters = client.callbackParams((await visit(address)).url);
  const tokens = await client.oauthCallback(redirectURI, parameters, { code_verifier, state });
  assert.equal(await call(tokens.access_token), 200);
  assert.equal((await client.introspect(tokens.access_token)).active, true);

  const refreshed = await client.refresh(tokens.refresh_token);
  assert.notEqual(refreshed.access_token, tokens.access_token);
  assert.equal(await call(refreshed.access_token), 200);
  await client.revoke(refreshed.refresh_token);
  assert.equal(await call(refreshed.access_token), 401);
});
