// An MCP server without any authorization of its own, as it is behind the gateway.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";

function makeServer() {
  const server = new McpServer({ name: "wallet", version: "1.0.0" }, { capabilities: { tools: { listChanged: true } } });
  const said = (text) => ({ content: [{ type: "text", text }] });
  server.registerTool("whoami", { description: "Who the gateway says that it is" }, ({ requestInfo }) =>
    said(String(requestInfo.headers["x-gatehouse-subject"])),
  );
  server.registerTool("pay", { description: "Pay" }, ({ requestInfo }) => said(String(requestInfo.headers["x-gatehouse-scope"])));
  server.registerTool("announce", { description: "Tell whoever listens" }, async () => {
    await server.server.notification({ method: "notifications/tools/list_changed" });
    return said("told");
  });
  return server;
}

/** startServer serves it at an address until the test ends, and returns its sessions. */
export async function startServer(t, address) {
  const sessions = new Map();
  const http = createServer(async (request, response) => {
    let transport = sessions.get(request.headers["mcp-session-id"]);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, transport),
        onsessionclosed: (id) => sessions.delete(id),
      });
      await makeServer().connect(transport);
    }
    await transport.handleRequest(request, response);
  });
  const [host, port] = address.split(":");
  await new Promise((done) => http.listen(Number(port), host, done));
  t.after(() => {
    http.close();
    http.closeAllConnections();
  });
  return sessions;
}
