"""A downstream that costs as little as one can: it reads every request whole and says 200.

    python -m benchmarks.peers.downstream

As quick as nginx with a constant, which answers before it has read a large body.
"""

import asyncio
from typing import cast

import httptools
import uvloop

_TAKEN = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class _Taking(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(_TAKEN)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(_Taking, "127.0.0.1", 0, backlog=1_024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
