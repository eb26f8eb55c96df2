import { call, clientID, clientSecret, issuer, listen, visit } from "./user.js";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import express from "express";
import session from "express-session";
import passport from "passport";
import OAuth2Strategy from "passport-oauth2";

test("code with PKCE", async (t) => {
  const app = express();
  const server = createServer(app);
  const origin = await listen(t, server);
  passport.use("gatehouse", new OAuth2Strategy(
    {
      authorizationURL: `${issuer}/oauth/authorize`,
      tokenURL: `${issuer}/oauth/token`,
      clientID,
      clientSecret,
      callbackURL: `${origin}/callback`,
      scope: ["hello:read"],
      state: true,
      pkce: true,
    },
    (accessToken, refreshToken, profile, done) => done(null, { accessToken, refreshToken }),
  ));
  app.use(session({ secret: "of this test", resave: false, saveUninitialized: false }));
  app.get("/login", passport.authenticate("gatehouse"));
  app.get("/callback", passport.authenticate("gatehouse", { session: false }), (request, response) => response.json(request.user));
  const tokens = JSON.parse((await visit(`${origin}/login`)).body);
  assert.equal(await call(tokens.accessToken), 200);
  assert.ok(tokens.refreshToken);
});
