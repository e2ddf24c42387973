"""Servers that a test writes itself, on loopback, in threads."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler


class Threads(socketserver.ThreadingTCPServer):
    """A thread for each connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps its connection open, and prints nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes; the second would wait for the ACK of the first

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def log_message(self, *_: object) -> None: ...


@contextmanager
def listening(
    handler: type[socketserver.BaseRequestHandler], server: type[socketserver.TCPServer] = Threads
) -> Iterator[int]:
    """Yield its port, and stop it at the end of the block."""
    with server(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield serving.server_address[1]
        finally:
            serving.shutdown()
            thread.join()
