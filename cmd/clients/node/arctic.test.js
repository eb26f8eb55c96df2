import { call, clientID, clientSecret, issuer, redirectURI, visit } from "./user.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import * as arctic from "arctic";

test("code with PKCE, refresh, revocation", async () => {
  const client = new arctic.OAuth2Client(clientID, clientSecret, redirectURI);
  const state = arctic.generateState();
  const codeVerifier = arctic.generateCodeVerifier();
  const address = client.createAuthorizationURLWithPKCE(
    `${issuer}/oauth/authorize`, state, arctic.CodeChallengeMethod.S256, codeVerifier, ["hello:read"],
  );
  const { searchParams } = new URL((await visit(address)).url);
  assert.equal(searchParams.get("state"), state);
  const tokens = await client.validateAuthorizationCode(`${issuer}/oauth/token`, searchParams.get("code"), codeVerifier);
  assert.equal(await call(tokens.accessToken()), 200);
  assert.ok(tokens.accessTokenExpiresAt() > new Date());

  const refreshed = await client.refreshAccessToken(`${issuer}/oauth/token`, tokens.refreshToken(), ["hello:read"]);
  assert.notEqual(refreshed.accessToken(), tokens.accessToken());
  await client.revokeToken(`${issuer}/oauth/revoke`, refreshed.refreshToken());
  assert.equal(await call(refreshed.accessToken()), 401);
});
