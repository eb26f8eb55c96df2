import { call, clientID, clientSecret, issuer, listen, visit } from "./user.js";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import express from "express";
import session from "express-session";
import grant from "grant";

test("code with PKCE", async (t) => {
  const app = express();
  const server = createServer(app);
  const origin = await listen(t, server);
  app.use(session({ secret: "of this test", resave: false, saveUninitialized: false }));
  app.use(grant.express({
    defaults: { origin, transport: "session", state: true },
    gatehouse: {
      oauth: 2,
      authorize_url: `${issuer}/oauth/authorize`,
      access_url: `${issuer}/oauth/token`,
      key: clientID,
      secret: clientSecret,
      scope: ["hello:read"],
      scope_delimiter: " ",
      pkce: true,
      callback: "/done",
    },
  }));
  app.get("/done", (request, response) => response.json(request.session.grant.response));
  const tokens = JSON.parse((await visit(`${origin}/connect/gatehouse`)).body);
  assert.equal(await call(tokens.access_token), 200);
  assert.ok(tokens.refresh_token);
});
