import { call, clientID, clientSecret, issuer, redirectURI, register, visit } from "./user.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as client from "openid-client";

const options = { execute: [client.allowInsecureRequests], algorithm: "oauth2" };

test("discovery, code with PKCE, introspection, refresh, revocation", async () => {
  const config = await client.discovery(new URL(issuer), clientID, clientSecret, undefined, options);
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectURI,
    scope: "hello:read",
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const callback = new URL((await visit(address)).url);
  const tokens = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState });
  assert.equal(await call(tokens.access_token), 200);

  const known = await client.tokenIntrospection(config, tokens.access_token);
  assert.equal(known.active, true);
  assert.equal(known.sub, "demo");

  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(refreshed.access_token, tokens.access_token);
  assert.equal(await call(refreshed.access_token), 200);

  await client.tokenRevocation(config, refreshed.refresh_token);
  assert.equal(await call(refreshed.access_token), 401);

  const own = await client.clientCredentialsGrant(config, { scope: "hello:read" });
  assert.equal((await client.tokenIntrospection(config, own.access_token)).client_id, clientID);
});

test("the application registers itself", async () => {
  const said = { client_name: "A registered app", redirect_uris: [redirectURI], scope: "hello:read" };
  const config = await client.dynamicClientRegistration(new URL(issuer), said, undefined, options);
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectURI,
    scope: "hello:read",
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const callback = new URL((await visit(address)).url);
  const tokens = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier });
  assert.equal(await call(tokens.access_token), 200);
  assert.equal(tokens.refresh_token, undefined, "it did not ask for that grant type");
});

test("a client that has to push its requests (PAR), and binds the code to a key (DPoP)", async () => {
  const pushes = await register({
    name: "It pushes",
    grantTypes: ["authorization_code", "refresh_token"],
    redirectUris: [redirectURI],
    requirePushedAuthorizationRequests: true,
  });
  const config = await client.discovery(new URL(issuer), pushes.clientId, pushes.clientSecret, undefined, options);
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const parameters = {
    redirect_uri: redirectURI,
    scope: "hello:read",
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  };
  const refused = new URL((await visit(client.buildAuthorizationUrl(config, parameters))).url).searchParams;
  assert.equal(refused.get("error"), "invalid_request");

  const key = await client.randomDPoPKeyPair("ES256");
  const DPoP = client.getDPoPHandle(config, key);
  const address = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
  assert.deepEqual([...address.searchParams.keys()].sort(), ["client_id", "request_uri"]);
  const callback = new URL((await visit(address)).url);
  const another = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
  const redeem = (DPoP) => client.authorizationCodeGrant(config, callback, { pkceCodeVerifier }, undefined, { DPoP });
  await assert.rejects(redeem(another), { error: "invalid_grant" });
  await assert.rejects(redeem(), { error: "invalid_dpop_proof" });
  const tokens = await redeem(DPoP);
  assert.equal(tokens.token_type, "dpop");
  const hello = new URL("/hello", issuer);
  const answer = await client.fetchProtectedResource(config, tokens.access_token, hello, "GET", null, null, { DPoP });
  assert.equal(answer.status, 200);
  assert.equal(await call(tokens.access_token), 401, "it is no bearer token");
});
