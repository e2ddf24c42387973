// @kapso/whatsapp-cloud-api as a business's webhook receiver, as its README has it: verified, then normalized.
import { buffer } from "node:stream/consumers";
import { normalizeWebhook, verifySignature } from "@kapso/whatsapp-cloud-api/server";
import { note, serve } from "./serving.mjs";

serve(async (request) => {
  const rawBody = await buffer(request);
  const signatureHeader = request.headers["x-hub-signature-256"];
  if (!verifySignature({ appSecret: process.env.APP_SECRET, rawBody, signatureHeader })) return 401;
  const events = normalizeWebhook(JSON.parse(rawBody));

  for (const { kapso, id, from, fromUserId, fromParentUserId, to } of events.messages) {
    if (kapso?.source === "smb_message_echo") note("echo", id, to);
    else note("message", id, from, fromUserId, fromParentUserId);
  }
  for (const { id, recipientId, recipientUserId } of events.statuses) note("status", id, recipientId, recipientUserId);
  for (const { id, callId, direction, from, fromUserId, to } of events.calls) {
    if (direction === "BUSINESS_INITIATED") note("own call", callId ?? id, from, to);
    else note("call", callId ?? id, from, fromUserId);
  }

  // What it has no list for is in `raw`, under the field's name.
  for (const { metadata, history = [] } of events.raw.history ?? []) {
    const messages = history.flatMap(({ threads = [] }) => threads).flatMap(({ messages = [] }) => messages);
    for (const { id, from, fromUserId } of messages)
      note(from === metadata.displayPhoneNumber ? "echo" : "history", id, from, fromUserId);
  }
  for (const { standby = {} } of events.raw.standby ?? [])
    for (const { id, from, fromUserId } of standby.messages ?? []) note("standby", id, from, fromUserId);
  return 200;
});
