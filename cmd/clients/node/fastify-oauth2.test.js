import { call, clientID, clientSecret, issuer, listen, visit } from "./user.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import oauthPlugin from "@fastify/oauth2";
import Fastify from "fastify";

test("discovery, code with PKCE, refresh, revocation", async (t) => {
  const fastify = Fastify();
  let origin;
  await fastify.register(oauthPlugin, {
    name: "gatehouse",
    scope: ["hello:read"],
    credentials: { client: { id: clientID, secret: clientSecret } },
    discovery: { issuer },
    pkce: "S256",
    startRedirectPath: "/login",
    callbackUri: () => `${origin}/callback`,
    cookie: { secure: false }, // only where it is http://localhost
  });
  let tokens;
  fastify.get("/callback", async (request) => {
    ({ token: tokens } = await fastify.gatehouse.getAccessTokenFromAuthorizationCodeFlow(request));
    return "connected";
  });
  await fastify.ready();
  origin = await listen(t, fastify.server);
  assert.equal((await visit(`${origin}/login`)).body, "connected");
  assert.equal(await call(tokens.access_token), 200);

  const { token: refreshed } = await fastify.gatehouse.getNewAccessTokenUsingRefreshToken(tokens);
  assert.notEqual(refreshed.access_token, tokens.access_token);
  await fastify.gatehouse.revokeToken(refreshed, "refresh_token");
  assert.equal(await call(refreshed.access_token), 401);
});
