import { clientMetadataUrl, text, url } from "./mcp-provider.js";
import { startServer } from "./mcp-server.js";
import { visit } from "./user.js";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

/** inspect calls a tool with the inspector, lets the user visit where it leads, and returns what the tool has said. asked are those addresses. */
async function inspect(home, tool, ...options) {
  const environment = {
    ...process.env,
    HOME: home,
    MCP_INSPECTOR_SECRET_STORE: "file",
    MCP_AUTO_OPEN_ENABLED: "true", // without a terminal it asks nobody otherwise
    DISPLAY: "",
    BROWSER: "true", // the program that does nothing: the user reads the address
  };
  const inspector = ["--cli", url, "--transport", "http", "--format", "json", "--callback-url", process.env.CALLBACK_URL];
  if (clientMetadataUrl) inspector.push("--client-metadata-url", clientMetadataUrl);
  const command = spawn(
    process.env.INSPECTOR_NODE,
    [process.env.INSPECTOR, ...inspector, "--method", "tools/call", "--tool-name", tool, ...options],
    { env: environment, stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = new Promise((done) => command.on("close", done));
  let output = "";
  command.stdout.on("data", (part) => (output += part));
  let said = "";
  const asked = [];
  for await (const line of createInterface({ input: command.stderr })) {
    said += line + "\n";
    const [, address] = line.match(/^Please navigate to: (\S+)$/) ?? [];
    if (!address) continue;
    asked.push(new URL(address).searchParams);
    const at = await visit(address);
    if (at.url.startsWith(process.env.CALLBACK_URL)) continue;
    command.kill(); // it would wait for ever
    said += JSON.stringify(at);
  }
  assert.equal(await ended, 0, said);
  return { text: text(JSON.parse(output).result), asked };
}

test("the inspector asks the user, calls a tool, comes back, and signs in again", async (t) => {
  const { requests } = await startServer(t, process.env.MCP_UPSTREAM);
  const home = await mkdtemp(join(tmpdir(), "inspector-"));
  t.after(() => rm(home, { recursive: true }));
  const first = await inspect(home, "whoami");
  assert.equal(first.text, "demo");
  assert.equal(first.asked.length, 1);
  assert.equal(first.asked[0].get("resource"), url);
  if (clientMetadataUrl) assert.equal(first.asked[0].get("client_id"), clientMetadataUrl);
  const grant = requests.at(-1).headers["x-gatehouse-grant"];

  // It has asked for every scope of the resource, and speaks the protocol that it is told to.
  const second = await inspect(home, "pay", "--protocol-era", "modern", "--stored-auth-only");
  assert.equal(second.text, "payments:send tools:use");
  assert.equal(requests.at(-1).headers["mcp-name"], "pay");
  assert.equal(requests.at(-1).headers["x-gatehouse-grant"], grant);

  const third = await inspect(home, "whoami", "--relogin");
  assert.equal(third.asked.length, 1);
  assert.notEqual(requests.at(-1).headers["x-gatehouse-grant"], grant);
});
