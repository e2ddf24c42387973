// Tests of a program that uses whatsapp-api-js, against `wablock dev --rules meta`.
// Run with: WABLOCK_URL=http://127.0.0.1:8080 node --test with_whatsapp_api_js.test.mjs
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { WhatsAppAPI } from "whatsapp-api-js";

const url = process.env.WABLOCK_URL ?? "http://127.0.0.1:8080";
const token = "wablock-dev-token";
const number = "106540352242922";
const anna = "+16505550101";

const dev = async (path, body = {}) => {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/dev/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
};

const toWablock = (address, init) => {
  const { pathname, search } = new URL(address);
  return fetch(url + pathname + search, init);
};
const api = new WhatsAppAPI({ token, appSecret: "unused", v: "v25.0", secure: false, ponyfill: { fetch: toWablock } });

beforeEach(() => dev("reset"));

test("a user who wrote is blocked, and later messages are dropped", async () => {
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

test("a server error is reported", async () => {
  await dev("faults", { code: 139103 });

  const answer = await api.blockUser(number, { phone: anna });

  assert.equal(answer.error.code, 139103);
});
