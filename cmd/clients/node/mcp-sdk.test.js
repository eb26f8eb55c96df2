import { redirectURI, visit } from "./user.js";
import { startServer } from "./mcp-server.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

const url = process.env.MCP_URL;
const clientMetadataUrl = process.env.CLIENT_METADATA_URL || undefined;

/** Memory is an OAuthClientProvider that keeps everything in memory, and notes where the user is to be led. */
class Memory {
  redirectUrl = redirectURI;
  clientMetadataUrl = clientMetadataUrl;
  asked = [];
  get clientMetadata() {
    return {
      client_name: "An agent",
      redirect_uris: [redirectURI],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  tokens() { return this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  redirectToAuthorization(address) { this.asked.push(address); }
}

/** allowed lets the user decide, and returns the code. */
async function allowed(provider) {
  const at = await visit(provider.asked.at(-1));
  const code = new URL(at.url).searchParams.get("code");
  assert.ok(code, JSON.stringify(at));
  return code;
}

const text = (result) => result.content[0].text;

test("discovery, consent, tools, a notification, refresh, more scopes, the end of the session", async (t) => {
  const sessions = await startServer(t, process.env.MCP_UPSTREAM);
  const provider = new Memory();
  let transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  await assert.rejects(new Client({ name: "agent", version: "1.0.0" }).connect(transport), UnauthorizedError);
  const asked = provider.asked[0].searchParams;
  assert.equal(asked.get("resource"), url);
  assert.equal(asked.get("scope"), "tools:use");
  if (clientMetadataUrl) assert.equal(asked.get("client_id"), clientMetadataUrl);
  await transport.finishAuth(await allowed(provider));

  transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  const client = new Client({ name: "agent", version: "1.0.0" });
  const changed = new Promise((done) => client.setNotificationHandler(ToolListChangedNotificationSchema, done));
  await client.connect(transport);
  assert.ok(sessions.has(transport.sessionId));
  assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ["whoami", "pay", "announce"]);
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
  await transport.finishAuth(await allowed(provider));
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
