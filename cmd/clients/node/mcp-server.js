// An MCP server without any authorization of its own, as it is behind the gateway: of 2026-07-28, and with the sessions of the versions before.
import { McpServer, createMcpHandler, fromJsonSchema, isLegacyRequest } from "@modelcontextprotocol/server";
import { NodeStreamableHTTPServerTransport, toNodeHandler, toWebRequest } from "@modelcontextprotocol/node";
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";

function makeServer(announce) {
  const server = new McpServer({ name: "wallet", version: "1.0.0" }, { capabilities: { tools: { listChanged: true } } });
  const said = (text) => ({ content: [{ type: "text", text: String(text) }] });
  server.registerTool("whoami", { description: "Who the gateway says that it is" }, ({ http }) => said(http.req.headers.get("x-gatehouse-subject")));
  server.registerTool("pay", { description: "Pay" }, ({ http }) => said(http.req.headers.get("x-gatehouse-scope")));
  const inputSchema = fromJsonSchema({ type: "object", properties: { region: { type: "string", "x-mcp-header": "Region" } } });
  server.registerTool("prices", { description: "What it costs in a region", inputSchema }, ({ region }) => said(region));
  server.registerTool("announce", { description: "Tell whoever listens" }, async () => {
    await announce(server);
    return said("told");
  });
  return server;
}

/** startServer serves it at an address until the test ends, and returns its sessions, and the requests that it has got. */
export async function startServer(t, address) {
  const sessions = new Map();
  const requests = [];
  const modern = createMcpHandler(() => makeServer(() => modern.notify.toolsChanged()), { legacy: "reject" });
  const answer = toNodeHandler(modern);
  const answerLegacy = async (request, response, body) => {
    let transport = sessions.get(request.headers["mcp-session-id"]);
    if (!transport) {
      transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, transport),
        onsessionclosed: (id) => sessions.delete(id),
      });
      await makeServer((server) => server.sendToolListChanged()).connect(transport);
    }
    await transport.handleRequest(request, response, body);
  };
  const http = createServer(async (request, response) => {
    let body;
    if (request.method === "POST") {
      const parts = await request.toArray();
      body = JSON.parse(Buffer.concat(parts).toString());
    }
    requests.push({ headers: request.headers, body });
    const legacy = await isLegacyRequest(await toWebRequest(request, body));
    await (legacy ? answerLegacy : answer)(request, response, body);
  });
  const [host, port] = address.split(":");
  await new Promise((done) => http.listen(Number(port), host, done));
  t.after(async () => {
    http.close();
    http.closeAllConnections();
    await modern.close();
  });
  return { sessions, requests };
}
