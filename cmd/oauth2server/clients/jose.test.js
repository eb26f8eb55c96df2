// A resource server that knows nothing but the issuer's URL, with a JWT library that Gatehouse does not use.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { base } from "./host.js";

const token = process.env.ACCESS_TOKEN;
const expected = { issuer: base, audience: base, typ: "at+jwt", algorithms: ["ES256"] };
const metadata = await (await fetch(`${base}/.well-known/oauth-authorization-server`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));

test("verifies an access token from the published keys alone", async () => {
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    ...expected,
    subject: "12345",
    requiredClaims: ["sub", "client_id", "scope", "iat", "exp", "jti"], // RFC 9068
  });
  assert.equal(metadata.issuer, base);
  assert.equal(payload.client_id, "id");
  assert.ok(payload.scope.split(" ").includes("balance:read"));
  assert.ok(payload.exp - payload.iat === 7200);
  assert.ok(protectedHeader.kid);
});

test("refuses a token that was changed", async () => {
  const [header, , signature] = token.split(".");
  const payload = Buffer.from(JSON.stringify({ ...decodeJwt(token), sub: "1" })).toString("base64url");
  await assert.rejects(jwtVerify([header, payload, signature].join("."), keys, expected), {
    code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
  });
});

test("refuses a token for somebody else", async () => {
  await assert.rejects(jwtVerify(token, keys, { ...expected, audience: "http://other.example" }), {
    code: "ERR_JWT_CLAIM_VALIDATION_FAILED",
  });
});

test("finds no private key among the published ones", async () => {
  const set = await (await fetch(metadata.jwks_uri)).json();
  assert.ok(set.keys.length > 0);
  for (const key of set.keys) {
    assert.equal(key.use, "sig");
    for (const secret of ["d", "p", "q", "dp", "dq", "qi", "k"]) assert.ok(!(secret in key));
  }
});
