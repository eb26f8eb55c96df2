import { Memory, allowed, clientMetadataUrl, text, url } from "./mcp-provider.js";
import { startServer } from "./mcp-server.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

test("discovery, consent, tools, a notification, refresh, more scopes, the end of the session", async (t) => {
  const { sessions } = await startServer(t, process.env.MCP_UPSTREAM);
  const provider = new Memory();
  let transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  await assert.rejects(new Client({ name: "agent", version: "1.0.0" }).connect(transport), UnauthorizedError);
  const asked = provider.asked[0].searchParams;
  assert.equal(asked.get("resource"), url);
  assert.equal(asked.get("scope"), "tools:use");
  if (clientMetadataUrl) assert.equal(asked.get("client_id"), clientMetadataUrl);
  await transport.finishAuth((await allowed(provider)).get("code"));

  transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  const client = new Client({ name: "agent", version: "1.0.0" });
  const changed = new Promise((done) => client.setNotificationHandler(ToolListChangedNotificationSchema, done));
  await client.connect(transport);
  assert.ok(sessions.has(transport.sessionId));
  assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ["whoami", "pay", "prices", "announce"]);
  assert.equal(text(await client.callTool({ name: "whoami" })), "demo");

  // What the server has to say by itself comes on the stream of a GET.
  while (!(await streams(sessions, transport))) await new Promise((done) => setImmediate(done));
  assert.equal(text(await client.callTool({ name: "announce" })), "told");
  await changed;

  // A token that is no longer good is refreshed, without the user.
  const before = provider.saved;
  provider.saved = { ...before, access_token: "expired" };
  assert.equal(text(await client.callTool({ name: "whoami" })), "demo");
  assert.notEqual(provider.saved.refresh_token, before.refresh_token);
  assert.equal(provider.asked.length, 1);

  // The SDK refreshes before it asks the user, which gains no scope; without a refresh token it asks.
  await assert.rejects(client.callTool({ name: "pay" }), /after trying upscoping/);
  delete provider.saved.refresh_token;
  assert.equal(text(await client.callTool({ name: "whoami" })), "demo"); // it gives up asking until something succeeds
  if (!clientMetadataUrl) delete provider.client; // it has registered with the scope that it was told first, and can have no other
  await assert.rejects(client.callTool({ name: "pay" }), UnauthorizedError);
  assert.equal(provider.asked.length, 2);
  assert.equal(provider.asked[1].searchParams.get("scope"), "tools:use payments:send");
  await transport.finishAuth((await allowed(provider)).get("code"));
  assert.equal(text(await client.callTool({ name: "pay" })), "tools:use payments:send");

  const ended = transport.sessionId;
  await transport.terminateSession();
  assert.ok(!sessions.has(ended));
  await client.close();
});

/** streams reports whether the GET stream of the session is there. */
async function streams(sessions, transport) {
  const session = sessions.get(transport.sessionId);
  return [...(session._webStandardTransport?._streamMapping ?? session._streamMapping).keys()].includes("_GET_stream");
}
