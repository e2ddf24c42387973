"""The cheapest possible downstream, httptools on uvloop: it reads every request completely and answers 200.

    python -m benchmarks.peers.downstream

It is as fast as nginx with a constant response, and nginx responds before it has read a large body.
"""

import asyncio
from typing import Final, cast

import httptools
import uvloop

_ACCEPTED: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class _Answering(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(_ACCEPTED)


async def _serve() -> None:
    """Serve until stopped, and print the address."""
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0, backlog=1_024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
