"""The cheapest possible HTTP server in Python: httptools on uvloop, with the same bytes for every request.

    python -m benchmarks.peers.bare SIZE

The response has a body of SIZE bytes, and the same headers as wablock's responses.
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from typing import cast

import httptools
import uvloop
from benchmarks.processes import SERVER_CORE, Started, module, started

_HEAD = b"""\
HTTP/1.1 200 OK
content-type: application/json
access-control-allow-origin: *
vary: Accept-Encoding
pragma: no-cache
expires: Sat, 01 Jan 2000 00:00:00 GMT
cache-control: private, no-cache, no-store, must-revalidate
facebook-api-version: v25.0
x-fb-request-id: AAAAAAAAAAAAAAAAAAAAAAA
x-fb-trace-id: AAAAAAAAAAA
etag: "0000000000000000000000000000000000000000"
content-length: %d

"""


class _Answering(asyncio.Protocol):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(self._answer)


async def serve(answer: bytes, path: str = "") -> None:
    """Answer every complete request with `answer`, until stopped. Print the address with `path`."""
    server = await asyncio.get_running_loop().create_server(lambda: _Answering(answer), "127.0.0.1", 0, backlog=1_024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}", flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def constant(size: int) -> Iterator[Started]:
    """A running server whose responses have a body of `size` bytes, on the core of the servers."""
    with started(SERVER_CORE, module("peers.bare", str(size))) as server:
        yield server


if __name__ == "__main__":
    size = int(sys.argv[1])
    uvloop.run(serve(_HEAD.replace(b"\n", b"\r\n") % size + b"x" * size))
