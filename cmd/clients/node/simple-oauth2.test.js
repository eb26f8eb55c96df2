import { call, clientID, clientSecret, issuer, redirectURI, visit } from "./user.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthorizationCode } from "simple-oauth2";

test("code, refresh, revocation", async () => {
  const client = new AuthorizationCode({
    client: { id: clientID, secret: clientSecret },
    auth: {
      tokenHost: issuer,
      tokenPath: "/oauth/token",
      authorizePath: "/oauth/authorize",
      revokePath: "/oauth/revoke",
    },
  });
  const address = client.authorizeURL({ redirect_uri: redirectURI, scope: "hello:read", state: "a state" });
  const { searchParams } = new URL((await visit(address)).url);
  assert.equal(searchParams.get("state"), "a state");
  const tokens = await client.getToken({ code: searchParams.get("code"), redirect_uri: redirectURI });
  assert.equal(tokens.expired(), false);
  assert.equal(await call(tokens.token.access_token), 200);

  const refreshed = await tokens.refresh();
  assert.notEqual(refreshed.token.access_token, tokens.token.access_token);
  assert.equal(await call(refreshed.token.access_token), 200);
  await refreshed.revokeAll();
  assert.equal(await call(refreshed.token.access_token), 401);
});
