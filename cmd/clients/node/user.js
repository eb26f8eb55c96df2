// What each application knows, and the user who is asked to visit its addresses.
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto; // Node.js 18 has it elsewhere

export const issuer = process.env.ISSUER;
export const clientID = process.env.CLIENT_ID;
export const clientSecret = process.env.CLIENT_SECRET;
export const redirectURI = process.env.REDIRECT_URI;

/** register registers another client, as an administrator. */
export async function register(settings) {
  const answer = await fetch(`${process.env.ADMIN_URL}/admin/clients`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(settings),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** visit lets a new user go to an address, sign in and allow what is asked for, and returns where that leads. */
export async function visit(address) {
  const response = await fetch(process.env.USER_URL, { method: "POST", body: String(address) });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

/** call returns the status of an API call with the token. */
export async function call(token) {
  const response = await fetch(`${issuer}/hello`, { headers: { Authorization: `Bearer ${token}` } });
  await response.text();
  return response.status;
}

/** listen serves an application on a free port and returns its origin; it ends with the test, whether that fails or not. */
export async function listen(t, server) {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://localhost:${server.address().port}`;
}
