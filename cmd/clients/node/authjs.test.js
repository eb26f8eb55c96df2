import { call, clientID, clientSecret, issuer, listen, visit } from "./user.js";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { Auth } from "@auth/core";

test("code with PKCE", async (t) => {
  let token;
  const provider = {
    id: "gatehouse",
    name: "Gatehouse",
    type: "oauth",
    issuer,
    clientId: clientID,
    clientSecret,
    authorization: { url: `${issuer}/oauth/authorize`, params: { scope: "hello:read" } },
    token: `${issuer}/oauth/token`,
    checks: ["pkce", "state"],
    userinfo: {
      url: `${issuer}/oauth/introspect`, // asked for by the library, and not used by request
      request: ({ tokens }) => JSON.parse(Buffer.from(tokens.access_token.split(".")[1], "base64url")),
    },
    profile: ({ sub }) => ({ id: sub }),
  };
  let origin;
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = await Auth(
      new Request(origin + request.url, {
        method: request.method,
        headers: request.headers,
        body: chunks.length ? Buffer.concat(chunks) : undefined,
      }),
      {
        providers: [provider],
        basePath: "/auth",
        secret: "of this test",
        trustHost: true,
        callbacks: {
          jwt: ({ token: claims, account }) => {
            token = account?.access_token ?? token;
            return claims;
          },
          redirect: ({ baseUrl }) => `${baseUrl}/auth/session`,
        },
      },
    );
    response.writeHead(answer.status, [...answer.headers].flatMap(([name, value]) => (name === "set-cookie" ? [] : [[name, value]])).concat(
      answer.headers.getSetCookie().map((value) => ["set-cookie", value]),
    ).flat());
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  origin = await listen(t, server);
  const at = await visit(`${origin}/auth/signin`);
  assert.equal(at.url, `${origin}/auth/session`, at.body);
  assert.ok(JSON.parse(at.body).expires, "signed in");
  assert.equal(await call(token), 200);
});
