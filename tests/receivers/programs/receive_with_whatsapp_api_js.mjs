// whatsapp-api-js behind node:http as a business's webhook receiver. It has no handler for any other field.
import { webcrypto } from "node:crypto";
import { WhatsAppAPI } from "whatsapp-api-js/middleware/node-http";
import { note, serve } from "./serving.mjs";

globalThis.crypto ??= webcrypto; // Node.js 18 has it, but not as a global

const api = new WhatsAppAPI({ token: "unused", appSecret: process.env.APP_SECRET, v: "v25.0" });

const noteCall = ({ from, call }) =>
  note(call.direction === "BUSINESS_INITIATED" ? "own call" : "call", call.id, from, call.from_user_id);

api.on.message = ({ recipient, contact, message }) =>
  note("message", message.id, recipient.phone, recipient.bsuid, recipient.pbsuid, contact.wa_id, contact.user_id);
api.on.status = ({ id, recipient }) => note("status", id, recipient.phone, recipient.bsuid, recipient.pbsuid);
api.on.call.connect = noteCall;
api.on.call.terminate = noteCall;
api.on.call.status = ({ id, phone }) => note("status", id, phone);

serve(async (request) => api.handle_post(request));
