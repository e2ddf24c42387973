"""An upstream on loopback with a large answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.listening import QuietHandler, Threads, listening

LARGE: Final = 20_000_000  # bytes


class LargeUpstream:
    """`requests` counts what it was sent."""

    def __init__(self) -> None:
        self.requests = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Server(Threads):
    block_on_close = False  # an answer that the client does not read blocks its thread

    def handle_error(self, *_: object) -> None:
        """Ignore a gate that closes the connection in the middle of the answer: the test wants that."""


@contextmanager
def large_upstream() -> Iterator[LargeUpstream]:
    upstream = LargeUpstream()
    counting = threading.Lock()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.read_body()
            with counting:
                upstream.requests += 1
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(LARGE))
            self.end_headers()
            for _ in range(LARGE // 50_000):
                self.wfile.write(b" " * 50_000)

    with listening(Handler, _Server) as upstream.port:
        yield upstream
