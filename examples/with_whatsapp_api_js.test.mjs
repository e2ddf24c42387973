// How a program that uses whatsapp-api-js is tested, against `wablock dev --rules meta`.
// Run with: WABLOCK_URL=http://127.0.0.1:8080 node --test with_whatsapp_api_js.test.mjs
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { WhatsAppAPI } from "whatsapp-api-js";

const url = process.env.WABLOCK_URL ?? "http://127.0.0.1:8080";
const token = "wablock-dev-token";
const number = "106540352242922";
const anna = "+16505550101";

const dev = async (path, said = {}) => {
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/dev/${path}`, { method: "POST", headers, body: JSON.stringify(said) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
};

const toWablock = (asked, init) => {
  const { pathname, search } = new URL(asked);
  return fetch(url + pathname + search, init);
};
const api = new WhatsAppAPI({ token, appSecret: "unused", v: "v25.0", secure: false, ponyfill: { fetch: toWablock } });

beforeEach(() => dev("reset"));

test("who wrote is blocked, and is not heard any more", async () => {
  await dev("inbound", { from: anna });

  const answer = await api.blockUser(number, { phone: anna });

  assert.equal(answer.block_users.added_users[0].wa_id, "16505550101");
  assert.equal((await dev("inbound", { from: anna })).dropped, true);
});

test("after 24 hours a user cannot be blocked", async () => {
  await dev("inbound", { from: anna });
  await dev("clock/advance", { hours: 25 });

  const answer = await api.blockUser(number, { phone: anna });

  assert.equal(answer.block_users.failed_users[0].errors[0].code, 131047);
});

test("the server's trouble is told", async () => {
  await dev("faults", { code: 139103 });

  const answer = await api.blockUser(number, { phone: anna });

  assert.equal(answer.error.code, 139103);
});
