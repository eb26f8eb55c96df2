import { clientID, clientSecret, issuer } from "./user.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";

test("an API of one's own verifies access tokens", async () => {
  const answer = await fetch(`${issuer}/oauth/token`, {
    method: "POST",
    headers: { Authorization: `Basic ${Buffer.from(`${clientID}:${clientSecret}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials", scope: "hello:read" }),
  });
  const { access_token: token } = await answer.json();
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const { payload } = await jwtVerify(token, keys, { issuer, audience: issuer, typ: "at+jwt", algorithms: ["ES256"] });
  assert.equal(payload.client_id, clientID);
  assert.equal(payload.scope, "hello:read");
  await assert.rejects(jwtVerify(token, keys, { issuer, audience: issuer, algorithms: ["RS256"] }), { code: "ERR_JOSE_ALG_NOT_ALLOWED" });
  const [header, , signature] = token.split(".");
  const other = Buffer.from(JSON.stringify({ ...payload, sub: "somebody else" })).toString("base64url");
  await assert.rejects(jwtVerify([header, other, signature].join("."), keys), { code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
});
