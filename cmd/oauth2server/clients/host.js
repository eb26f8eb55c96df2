// The host application: the one that users are signed in to, that asks them for consent, and that shares a secret with
// the server. The server under test is at GATEHOUSE_URL.
import assert from "node:assert/strict";
import { SignJWT } from "jose";

export const base = process.env.GATEHOUSE_URL;
export const redirectURI = "http://localhost:8080";
export const secretClient = { client_id: "id", client_secret: "secret" };

const secret = new TextEncoder().encode(process.env.JWT_SECRET);

/** signIn makes the JWT that shows who the user is. */
export function signIn(userID) {
  return new SignJWT({ id: userID })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuedAt()
    .setExpirationTime("5m")
    .sign(secret);
}

/** approve lets the user allow what the authorization URL asks for, and returns the code from the redirect. */
export async function approve(authorizationURL, userID) {
  const response = await fetch(authorizationURL, {
    method: "POST",
    redirect: "manual",
    headers: { Authorization: `Bearer ${await signIn(userID)}` },
  });
  assert.equal(response.status, 302, await response.text());
  const location = new URL(response.headers.get("location"));
  assert.equal(location.origin, redirectURI);
  return location.searchParams.get("code");
}
