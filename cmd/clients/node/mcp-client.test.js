import { Memory, allowed, clientMetadataUrl, text, url } from "./mcp-provider.js";
import { startServer } from "./mcp-server.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, DpopSession, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";

const bound = process.env.DPOP === "1";

test("discovery, consent, tools, a subscription, refresh, more scopes", async (t) => {
  const { requests } = await startServer(t, process.env.MCP_UPSTREAM);
  const provider = new Memory();
  if (bound) {
    const session = await DpopSession.create();
    provider.dpop = () => session;
  }
  const options = { versionNegotiation: { mode: "auto" } };
  let client = new Client({ name: "agent", version: "1.0.0" }, options);
  let transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  await assert.rejects(client.connect(transport), UnauthorizedError);
  const asked = provider.asked[0].searchParams;
  assert.equal(asked.get("resource"), url);
  assert.equal(asked.get("scope"), "tools:use");
  if (clientMetadataUrl) assert.equal(asked.get("client_id"), clientMetadataUrl);
  await transport.finishAuth(await allowed(provider));
  assert.equal(provider.saved.token_type.toLowerCase(), bound ? "dpop" : "bearer");

  client = new Client({ name: "agent", version: "1.0.0" }, options);
  transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  await client.connect(transport);
  assert.equal(client.getProtocolEra(), "modern");
  assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ["whoami", "pay", "prices", "announce"]);
  assert.equal(text(await client.callTool({ name: "whoami" })), "demo");

  // What the fields repeat of the body has reached the MCP server; the token and its proof have not.
  const { headers } = requests.at(-1);
  assert.equal(headers["mcp-protocol-version"], "2026-07-28");
  assert.equal(headers["mcp-method"], "tools/call");
  assert.equal(headers["mcp-name"], "whoami");
  assert.equal(headers.authorization, undefined);
  assert.equal(headers.dpop, undefined);
  assert.equal(text(await client.callTool({ name: "prices", arguments: { region: "Zürich" } })), "Zürich");
  assert.equal(requests.at(-1).headers["mcp-param-region"], `=?base64?${Buffer.from("Zürich").toString("base64")}?=`);

  const changed = new Promise((done) => client.setNotificationHandler("notifications/tools/list_changed", done));
  const subscription = await client.listen({ toolsListChanged: true });
  assert.equal(text(await client.callTool({ name: "announce" })), "told");
  await changed;
  await subscription.close();

  // A token that is no longer good is refreshed, without the user.
  const before = provider.saved;
  provider.saved = { ...before, access_token: "expired" };
  assert.equal(text(await client.callTool({ name: "whoami" })), "demo");
  assert.notEqual(provider.saved.refresh_token, before.refresh_token);
  assert.equal(provider.asked.length, 1);

  if (!clientMetadataUrl) delete provider.client; // it has registered with the scope that it was told first, and can have no other
  await assert.rejects(client.callTool({ name: "pay" }), UnauthorizedError);
  assert.equal(provider.asked.length, 2);
  assert.deepEqual(provider.asked[1].searchParams.get("scope").split(" ").sort(), ["payments:send", "tools:use"]);
  await transport.finishAuth(await allowed(provider));
  assert.equal(text(await client.callTool({ name: "pay" })), "tools:use payments:send");
  await client.close();
});
