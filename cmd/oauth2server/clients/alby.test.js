// The Alby SDKs, as applications use them: @getalby/sdk is the successor of alby-js-sdk.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as sdk from "alby-js-sdk";
import * as successor from "@getalby/sdk";
import { approve, base, redirectURI, secretClient } from "./host.js";

const scopes = [
  "account:read",
  "balance:read",
  "invoices:create",
  "invoices:read",
  "transactions:read",
  "payments:send",
];
const elsewhere = "03b5c7e9f10a2d4f6b8c0e1a3d5f7092b4c6e8fa1c3e5072946b8d0f2a4c6e8f10";

console.log = () => {}; // the SDK says what it is called with
globalThis.crypto ??= (await import("node:crypto")).webcrypto; // as in a browser; Node.js 18 has it elsewhere

let lastUser = 20000;

/** connect signs a fresh user in to the application and returns the SDK's view of the two. */
async function connect({ auth, Client }, application, authorization = {}) {
  const user = new auth.OAuth2User({
    ...application,
    callback: redirectURI,
    scopes,
    request_options: { base_url: base },
  });
  const url = new URL(
    await user.generateAuthURL({ code_challenge_method: "S256", authorizeUrl: `${base}/oauth/authorize` }),
  );
  assert.equal(url.searchParams.get("code_challenge_method"), "S256");
  for (const [name, value] of Object.entries(authorization)) url.searchParams.set(name, value);
  const id = ++lastUser;
  const { token } = await user.requestAccessToken(await approve(url, id));
  assert.ok(token.access_token && token.refresh_token);
  assert.equal(token.token_type.toLowerCase(), "bearer");
  assert.deepEqual(token.scope.split(" ").sort(), [...scopes].sort());
  return { id, user, client: new Client(user, { base_url: base }) };
}

const applications = {
  "confidential client": [sdk, secretClient],
  "public client": [sdk, { client_id: "public" }],
  "public client whose secret is undefined": [sdk, { client_id: "public", client_secret: undefined }],
  "confidential client of @getalby/sdk": [successor, secretClient],
};

for (const [kind, application] of Object.entries(applications)) {
  describe(kind, () => {
    test("reads its user's wallet", async () => {
      const { id, client } = await connect(...application);
      const balance = await client.accountBalance({});
      assert.ok(balance.balance > 0);
      assert.equal(balance.currency, "BTC");
      assert.equal(balance.unit, "sat");

      const me = await client.accountInformation({});
      assert.match(me.lightning_address, new RegExp(`${id}@`));
      assert.equal((await client.accountSummary({})).balance, balance.balance);
      assert.equal((await client.accountValue4Value({})).keysend_custom_value, me.keysend_custom_value);
    });

    test("creates an invoice that another user pays", async () => {
      const payee = await connect(...application);
      const payer = await connect(...application);
      const before = {
        payee: (await payee.client.accountBalance({})).balance,
        payer: (await payer.client.accountBalance({})).balance,
      };

      const invoice = await payee.client.createInvoice({ amount: 1000, description: "Lunch" });
      assert.match(invoice.payment_request, /^ln/);
      const open = await payee.client.getInvoice(invoice.payment_hash);
      assert.equal(open.is_paid, false);
      assert.equal(open.description, "Lunch");

      const receipt = await payer.client.sendPayment({ invoice: invoice.payment_request });
      assert.equal(receipt.amount, 1000);
      assert.equal(receipt.payment_hash, invoice.payment_hash);
      assert.match(receipt.payment_preimage, /^[0-9a-f]{64}$/);

      assert.equal((await payee.client.getInvoice(invoice.payment_hash)).is_paid, true);
      const incoming = await payee.client.incomingInvoices({});
      assert.equal(incoming[0].payment_hash, invoice.payment_hash);
      const outgoing = await payer.client.outgoingInvoices({});
      assert.equal(outgoing[0].payment_hash, invoice.payment_hash);

      assert.equal((await payee.client.accountBalance({})).balance, before.payee + 1000);
      assert.equal((await payer.client.accountBalance({})).balance, before.payer - 1000);
    });

    test("sends without an invoice", async () => {
      const { client } = await connect(...application);
      const before = (await client.accountBalance({})).balance;
      const receipt = await client.keysend({
        amount: 21,
        destination: elsewhere,
        memo: "Great episode",
        customRecords: { 7629169: JSON.stringify({ podcast: "A podcast" }) },
      });
      assert.equal(receipt.destination, elsewhere);
      assert.equal((await client.accountBalance({})).balance, before - 21 - receipt.fee);
    });

    test("learns why a payment was refused", async () => {
      const { client } = await connect(...application);
      const dear = await client.createInvoice({ amount: 100_000_000, description: "A house" });
      await assert.rejects(client.sendPayment({ invoice: dear.payment_request }), { status: 400, message: /not enough balance/ });
      await assert.rejects(client.sendPayment({ invoice: "lnbcrt10n1unknown" }), { status: 400, message: /The invoice is no BOLT 11 invoice/ });
    });

    test("refreshes a token whose time it takes for over", async () => {
      const { user, client } = await connect(...application);
      const old = user.token;
      user.token.expires_at = Date.now() - 1000;
      await Promise.all([client.accountBalance({}), client.incomingInvoices({}), client.outgoingInvoices({})]);
      assert.notEqual(user.token.access_token, old.access_token);
      assert.notEqual(user.token.refresh_token, old.refresh_token);
      await client.accountBalance({});
    });

    test("refreshes a token that was short-lived from the start", async () => {
      const { user, client } = await connect(...application, { expires_in: 3 });
      const seen = new Set();
      while (seen.size < 2) {
        await client.accountBalance({});
        seen.add(user.token.access_token);
        await new Promise((done) => setTimeout(done, 100));
      }
    });

    test("cannot use a code twice, and loses what the first use gave it", async () => {
      const { id, user, client } = await connect(...application);
      const url = await user.generateAuthURL({ code_challenge_method: "S256", authorizeUrl: `${base}/oauth/authorize` });
      const code = await approve(url, id);
      await user.requestAccessToken(code);
      await client.accountBalance({});
      await assert.rejects(
        user.requestAccessToken(code),
        (error) => error.status === 400 && error.error.error === "invalid_grant",
      );
      await assert.rejects(client.accountBalance({}), { status: 401 });
    });
  });
}

test("a client with a wrong secret gets nothing", async () => {
  await assert.rejects(connect(sdk, { client_id: "id", client_secret: "wrong" }), { status: 401 });
});
