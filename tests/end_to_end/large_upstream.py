"""An upstream on loopback whose answer is large."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Final

from tests.listening import listening

LARGE: Final = 20_000_000  # bytes


class LargeUpstream:
    """`requests` counts what it was sent."""

    def __init__(self) -> None:
        self.requests = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False  # an answer that is not read holds its thread
    request_queue_size = 512

    def handle_error(self, *_: object) -> None:
        """A gate that hangs up in mid-answer is what the test wants."""


@contextmanager
def large_upstream() -> Iterator[LargeUpstream]:
    upstream = LargeUpstream()
    counting = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            with counting:
                upstream.requests += 1
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(LARGE))
            self.end_headers()
            for _ in range(LARGE // 50_000):
                self.wfile.write(b" " * 50_000)

        def log_message(self, *_: object) -> None:
            pass

    with listening(_Server, Handler) as upstream.port:
        yield upstream
