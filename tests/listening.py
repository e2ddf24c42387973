"""An HTTP server of a test's own on loopback, in a thread."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler


@contextmanager
def listening(server: type[socketserver.TCPServer], handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Its port. At the end of the block it has stopped."""
    with server(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield serving.server_address[1]
        finally:
            serving.shutdown()
            thread.join()
