import { call, clientID, issuer, redirectURI, register, visit } from "./user.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as oauth from "oauth4webapi";

const options = { [oauth.allowInsecureRequests]: true };

test("discovery, code with PKCE, refresh, revocation as a public client; a resource server", async () => {
  const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...options });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
  const client = { client_id: clientID };
  const authentication = oauth.None();
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const address = new URL(server.authorization_endpoint);
  address.search = new URLSearchParams({
    client_id: clientID,
    redirect_uri: redirectURI,
    response_type: "code",
    scope: "hello:read",
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  const callback = new URL((await visit(address)).url);
  const parameters = oauth.validateAuthResponse(server, client, callback, state);
  const answer = await oauth.authorizationCodeGrantRequest(
    server, client, authentication, parameters, redirectURI, verifier, options,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer);
  assert.equal(await call(tokens.access_token), 200);

  const request = new Request("http://api.example/", { headers: { Authorization: `Bearer ${tokens.access_token}` } });
  const claims = await oauth.validateJwtAccessToken(server, request, issuer, options);
  assert.equal(claims.sub, "demo");
  await assert.rejects(oauth.validateJwtAccessToken(server, request, "https://other.example", options));

  const again = await oauth.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, options);
  const refreshed = await oauth.processRefreshTokenResponse(server, client, again);
  assert.notEqual(refreshed.access_token, tokens.access_token);
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(server, client, authentication, refreshed.refresh_token, options),
  );
  assert.equal(await call(refreshed.access_token), 401);
});

test("tokens that are bound to a key (DPoP): code, a call through the gateway, refresh", async () => {
  const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...options });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
  const client = { client_id: clientID };
  const authentication = oauth.None();
  assert.ok(server.dpop_signing_alg_values_supported.includes("ES256"));
  const key = await oauth.generateKeyPair("ES256", { extractable: true });
  const DPoP = oauth.DPoP(client, key);
  const verifier = oauth.generateRandomCodeVerifier();
  const address = new URL(server.authorization_endpoint);
  address.search = new URLSearchParams({
    client_id: clientID,
    redirect_uri: redirectURI,
    response_type: "code",
    scope: "hello:read",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    dpop_jkt: await DPoP.calculateThumbprint(),
  });
  const callback = new URL((await visit(address)).url);
  const parameters = oauth.validateAuthResponse(server, client, callback, oauth.expectNoState);
  const answer = await oauth.authorizationCodeGrantRequest(
    server, client, authentication, parameters, redirectURI, verifier, { DPoP, ...options },
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer);
  assert.equal(tokens.token_type, "dpop");
  const hello = new URL("/hello", issuer);
  const show = (token) => oauth.protectedResourceRequest(token, "GET", hello, new Headers(), null, { DPoP, ...options });
  assert.equal((await show(tokens.access_token)).status, 200);
  assert.equal(await call(tokens.access_token), 401, "it is no bearer token");

  const again = await oauth.refreshTokenGrantRequest(
    server, client, authentication, tokens.refresh_token, { DPoP, ...options },
  );
  const refreshed = await oauth.processRefreshTokenResponse(server, client, again);
  assert.equal(refreshed.token_type, "dpop");
  assert.equal((await show(refreshed.access_token)).status, 200);
  const stolen = await oauth.refreshTokenGrantRequest(server, client, authentication, refreshed.refresh_token, options);
  await assert.rejects(oauth.processRefreshTokenResponse(server, client, stolen), { error: "invalid_dpop_proof" });
});

test("a public client that has to push its requests (PAR), and binds the code to a key (DPoP)", async () => {
  const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...options });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
  const pushes = await register({
    name: "It pushes",
    public: true,
    grantTypes: ["authorization_code", "refresh_token"],
    redirectUris: [redirectURI],
    requirePushedAuthorizationRequests: true,
  });
  const client = { client_id: pushes.clientId };
  const authentication = oauth.None();
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256", { extractable: true }));
  const verifier = oauth.generateRandomCodeVerifier();
  const parameters = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirectURI,
    response_type: "code",
    scope: "hello:read",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  const address = new URL(server.authorization_endpoint);
  address.search = parameters;
  assert.equal(new URL((await visit(address)).url).searchParams.get("error"), "invalid_request");

  const pushed = await oauth.processPushedAuthorizationResponse(
    server,
    client,
    await oauth.pushedAuthorizationRequest(server, client, authentication, parameters, { DPoP, ...options }),
  );
  address.search = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.request_uri });
  const callback = new URL((await visit(address)).url);
  const returned = oauth.validateAuthResponse(server, client, callback, oauth.expectNoState);
  const redeem = (options) =>
    oauth.authorizationCodeGrantRequest(server, client, authentication, returned, redirectURI, verifier, options);
  const stolen = oauth.processAuthorizationCodeResponse(server, client, await redeem(options));
  await assert.rejects(stolen, { error: "invalid_dpop_proof" });
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, await redeem({ DPoP, ...options }));
  assert.equal(tokens.token_type, "dpop");
  const hello = new URL("/hello", issuer);
  const answer = await oauth.protectedResourceRequest(tokens.access_token, "GET", hello, new Headers(), null, { DPoP, ...options });
  assert.equal(answer.status, 200);
  assert.equal((await visit(address)).status, 400, "the name is good once");
});

test("the application registers itself, and removes itself", async () => {
  const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...options });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
  const said = {
    client_name: "A registered app",
    redirect_uris: [redirectURI],
    grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: "none",
    scope: "hello:read",
  };
  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(server, said, options),
  );
  const authentication = oauth.None();
  const verifier = oauth.generateRandomCodeVerifier();
  const address = new URL(server.authorization_endpoint);
  address.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirectURI,
    response_type: "code",
    scope: client.scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  const callback = new URL((await visit(address)).url);
  const parameters = oauth.validateAuthResponse(server, client, callback, oauth.expectNoState);
  const answer = await oauth.authorizationCodeGrantRequest(
    server, client, authentication, parameters, redirectURI, verifier, options,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer);
  assert.equal(await call(tokens.access_token), 200);
  const again = await oauth.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, options);
  const refreshed = await oauth.processRefreshTokenResponse(server, client, again);

  const own = { headers: { Authorization: `Bearer ${client.registration_access_token}` } };
  assert.equal((await fetch(client.registration_client_uri, { ...own, method: "DELETE" })).status, 204);
  assert.equal(await call(refreshed.access_token), 401);
  assert.equal((await fetch(client.registration_client_uri, own)).status, 401);
});
