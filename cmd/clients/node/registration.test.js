import { call, issuer, redirectURI, visit } from "./user.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as oauth from "oauth4webapi";
import * as client from "openid-client";

// keys are a new pair, and what an application says about itself that signs with it.
async function keys(alg) {
  const { publicKey, privateKey } = await oauth.generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await crypto.subtle.exportKey("jwk", publicKey)), kid: "a key" };
  return {
    key: { key: privateKey, kid: "a key" },
    said: {
      client_name: "It signs",
      redirect_uris: [redirectURI],
      grant_types: ["authorization_code", "refresh_token"],
      scope: "hello:read",
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: alg,
      jwks: { keys: [jwk] },
    },
  };
}

for (const alg of ["ES256", "PS256", "Ed25519"]) {
  test(`openid-client registers itself with a key, ${alg}`, async () => {
    const { key, said } = await keys(alg);
    const config = await client.dynamicClientRegistration(new URL(issuer), said, client.PrivateKeyJwt(key), {
      algorithm: "oauth2",
      execute: [client.allowInsecureRequests],
    });
    const registered = config.clientMetadata();
    assert.equal(registered.client_secret, undefined);
    assert.equal(registered.token_endpoint_auth_signing_alg, alg);
    assert.deepEqual(registered.jwks, said.jwks);
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
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
    await client.tokenRevocation(config, refreshed.refresh_token);
    assert.equal(await call(refreshed.access_token), 401);
  });
}

test("oauth4webapi registers itself with a key; another's key is refused", async () => {
  const options = { [oauth.allowInsecureRequests]: true };
  const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...options });
  const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
  const { key, said } = await keys("ES256");
  const answer = await oauth.dynamicClientRegistrationRequest(server, said, options);
  const registered = await oauth.processDynamicClientRegistrationResponse(answer);
  const verifier = oauth.generateRandomCodeVerifier();
  const address = new URL(server.authorization_endpoint);
  address.search = new URLSearchParams({
    client_id: registered.client_id,
    response_type: "code",
    redirect_uri: redirectURI,
    scope: "hello:read",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  const callback = oauth.validateAuthResponse(server, registered, new URL((await visit(address)).url));
  const redeem = (authentication) =>
    oauth.authorizationCodeGrantRequest(server, registered, authentication, callback, redirectURI, verifier, options);
  const { key: another } = await keys("ES256");
  assert.equal((await redeem(oauth.PrivateKeyJwt(another))).status, 401);
  const redeemed = await redeem(oauth.PrivateKeyJwt(key));
  const tokens = await oauth.processAuthorizationCodeResponse(server, registered, redeemed);
  assert.equal(await call(tokens.access_token), 200);
});
