"""A business's webhook that answers when a test lets it: until then every delivery is at work."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from tests.listening import listening

_ANSWERS_WITHIN = 120  # seconds


class HeldReceiver:
    """`arrived` counts the deliveries, answered or not."""

    def __init__(self) -> None:
        self.arrived = 0
        self.port = 0
        self._released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def hold(self) -> None:
        """Answer no delivery until `release`."""
        self._released.clear()

    def release(self) -> None:
        """Answer all deliveries, and those to come."""
        self._released.set()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def held_receiver() -> Iterator[HeldReceiver]:
    receiver = HeldReceiver()
    counting = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            with counting:
                receiver.arrived += 1
            receiver._released.wait(_ANSWERS_WITHIN)
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    with listening(_Server, Handler) as receiver.port:
        try:
            yield receiver
        finally:
            receiver.release()
