// A webhook receiver on loopback that records which handlers run, and for which user. It ends when its standard input does.
import { AsyncLocalStorage } from "node:async_hooks";
import { createServer } from "node:http";

const current = new AsyncLocalStorage();

export const note = (part, id, ...ids) =>
  current.getStore().handled.push({ part, id, of: ids.filter((each) => each) });

// `receive` takes a request and returns its response's status; 401 where it does not accept the signature.
export function serve(receive) {
  let deliveries = [];
  const server = createServer(async (request, response) => {
    if (request.method === "GET") {
      response.end(JSON.stringify(deliveries));
      deliveries = [];
      return;
    }
    const delivery = { handled: [], failures: [] };
    deliveries.push(delivery);
    try {
      delivery.status = await current.run(delivery, () => receive(request));
    } catch (error) {
      delivery.status = 500;
      delivery.failures.push(String(error.stack));
    }
    delivery.accepted = delivery.status !== 401;
    response.statusCode = delivery.status;
    response.end();
  });
  server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
  process.stdin.resume().on("end", () => process.exit());
}
