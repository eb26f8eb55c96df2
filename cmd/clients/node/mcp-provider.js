// What an MCP client keeps, and the user who allows what it asks for.
import { redirectURI, visit } from "./user.js";
import assert from "node:assert/strict";

export const url = process.env.MCP_URL;
export const clientMetadataUrl = process.env.CLIENT_METADATA_URL || undefined;

/** Memory is an OAuthClientProvider that keeps everything in memory, and notes where the user is to be led. */
export class Memory {
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
  discoveryState() { return this.discovered; }
  saveDiscoveryState(state) { this.discovered = state; }
  redirectToAuthorization(address) { this.asked.push(address); }
}

/** allowed lets the user decide, and returns what comes back: a code, and who has issued it. */
export async function allowed(provider) {
  const at = await visit(provider.asked.at(-1));
  const { searchParams } = new URL(at.url);
  assert.ok(searchParams.get("code"), JSON.stringify(at));
  return searchParams;
}

export const text = (result) => result.content[0].text;
