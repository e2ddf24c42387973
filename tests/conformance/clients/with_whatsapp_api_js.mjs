// whatsapp-api-js against wablock: its paths have no version, and it reads the body whatever the status is.
import assert from "node:assert/strict";
import { WhatsAppAPI } from "whatsapp-api-js";

const { BASE_URL, PHONE_NUMBER_ID: number, TOKEN } = process.env;
const users = process.env.USERS.split(",");
const waIds = users.map((user) => user.slice(1));

const redirected = (address, options) => {
  const { pathname, search } = new URL(address);
  return fetch(BASE_URL + pathname + search, options);
};
const client = (token) =>
  new WhatsAppAPI({ token, appSecret: "unused", v: "v25.0", secure: false, ponyfill: { fetch: redirected } });
const pairs = (list) => list.map(({ input, wa_id }) => [input, wa_id]);
const api = client(TOKEN);

let answer = await api.blockUser(number, ...users.map((phone) => ({ phone })));
assert.deepEqual(pairs(answer.block_users.added_users), users.map((user, index) => [user, waIds[index]]));
assert.equal(answer.messaging_product, "whatsapp");

// It has no call for the list: this is its way to any other.
const listed = [];
for (let address = `https://graph.facebook.com/v25.0/${number}/block_users?limit=2`; address; ) {
  const page = await api.getBody(api.$$apiFetch$$(address));
  listed.push(...page.data.map(({ wa_id }) => wa_id));
  address = page.paging.next;
}
assert.deepEqual(listed, waIds);

answer = await api.blockUser(number, { phone: users[0] }, { phone: "123" });
assert.deepEqual(pairs(answer.block_users.added_users), [[users[0], waIds[0]]]);
assert.equal(answer.block_users.failed_users[0].errors[0].code, 131047);
assert.equal(answer.error.code, 139100);

answer = await client("wrong").blockUser(number, { phone: users[0] });
assert.equal(answer.error.code, 190);

answer = await api.unblockUser(number, ...users.map((phone) => ({ phone })));
assert.deepEqual(answer.block_users.removed_users.map(({ wa_id }) => wa_id), waIds);
