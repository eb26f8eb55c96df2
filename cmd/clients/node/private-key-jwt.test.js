import { call, issuer, register } from "./user.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as oauth from "oauth4webapi";
import * as client from "openid-client";

// registerKey registers a client with a public key of its own, and returns its id with the private one.
async function registerKey(alg) {
  const { publicKey, privateKey } = await oauth.generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await crypto.subtle.exportKey("jwk", publicKey)), kid: "a key" };
  const { clientId: id, clientSecret: secret } = await register({
    name: "It signs",
    grantTypes: ["client_credentials"],
    jwks: { keys: [jwk] },
  });
  assert.equal(secret, undefined);
  return { id, key: { key: privateKey, kid: "a key" } };
}

for (const alg of ["ES256", "PS256", "RS256", "Ed25519"]) {
  test(`openid-client with private_key_jwt, ${alg}`, async () => {
    const { id, key } = await registerKey(alg);
    const config = await client.discovery(new URL(issuer), id, undefined, client.PrivateKeyJwt(key), {
      algorithm: "oauth2",
      execute: [client.allowInsecureRequests],
    });
    const tokens = await client.clientCredentialsGrant(config, { scope: "hello:read" });
    const seen = await client.tokenIntrospection(config, tokens.access_token);
    assert.equal(seen.active, true);
    assert.equal(seen.client_id, id);
    await client.tokenRevocation(config, tokens.access_token);
    assert.equal(await call(tokens.access_token), 401);
  });
}

test("oauth4webapi with private_key_jwt; another's key is refused", async () => {
  const options = { [oauth.allowInsecureRequests]: true };
  const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...options });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
  const { id, key } = await registerKey("ES256");
  const { key: another } = await registerKey("ES256");
  const parameters = new URLSearchParams({ scope: "hello:read" });
  const ask = (authentication) =>
    oauth.clientCredentialsGrantRequest(server, { client_id: id }, authentication, parameters, options);
  const answer = await oauth.processClientCredentialsResponse(server, { client_id: id }, await ask(oauth.PrivateKeyJwt(key)));
  assert.equal(answer.token_type, "bearer");
  assert.equal((await ask(oauth.PrivateKeyJwt(another))).status, 401);
  assert.equal((await ask(oauth.None())).status, 401);
});
