// usage: node client.mjs URL TOKEN CASE: one request of Node's fetch, which is undici, or of node:http.
import http from "node:http";

const [url, token, name] = process.argv.slice(2);
const users = JSON.stringify({ messaging_product: "whatsapp", block_users: [{ user: "+16505550101" }] });
const [library, method, kind] = name.split("-");
const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
// For the body of a DELETE node:http sends neither a length nor chunks, unless it is made to.
if (library === "http" && method === "DELETE" && kind !== "unframed") headers["Content-Length"] = users.length;

async function* pieces() {
  yield Buffer.from(users.slice(0, 20));
  yield Buffer.from(users.slice(20));
}

if (library === "fetch") {
  const body = method === "GET" ? undefined : kind === "chunked" ? ReadableStream.from(pieces()) : users;
  const response = await fetch(url, { method, headers, body, duplex: "half" });
  await response.text();
} else {
  const agent = kind === "agent" ? new http.Agent({ keepAlive: true }) : undefined;
  await new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent }, (response) => response.resume().on("end", resolve));
    request.on("error", reject);
    if (method !== "GET") request.write(users);
    request.end();
  });
  agent?.destroy();
}
