// Applications that were connected at oauth2server and are written with the Alby SDKs, after the operator has followed the
// guide. CONNECTED lists what each has got: its id, its secret if it has one, its user, its tokens.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "alby-js-sdk";
import * as successor from "@getalby/sdk";
import { base } from "./host.js";

const sdks = { "alby-js-sdk": sdk, "@getalby/sdk": successor };

console.log = () => {}; // the SDK says what it is called with

for (const { uses, id, secret, user: userID, access, refresh } of JSON.parse(process.env.CONNECTED)) {
  test(`${id} goes on with ${uses}`, async () => {
    const { auth, Client } = sdks[uses];
    const user = new auth.OAuth2User({
      client_id: id,
      client_secret: secret,
      callback: "https://app.example/cb",
      scopes: ["balance:read"],
      request_options: { base_url: base },
      token: { access_token: access, refresh_token: refresh, expires_at: Date.now() + 60_000 },
    });
    const client = new Client(user, { base_url: base });
    const reads = async () => {
      const { user, client: application } = await client.accountBalance({});
      assert.deepEqual([user, application], [userID, id]);
    };
    await reads(); // oauth2server's access token: these SDKs refresh when its time is over, not when it is refused

    const seen = [refresh];
    for (const successors of [1, 2]) {
      user.token.expires_at = Date.now() - 1000;
      await Promise.all([reads(), reads()]);
      assert.ok(!seen.includes(user.token.refresh_token), `successor ${successors}`);
      seen.push(user.token.refresh_token);
    }
  });
}
