"""A receiver that answers no delivery until a test releases it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.listening import QuietHandler, listening

_ANSWERS_WITHIN = 120  # seconds


class WaitingReceiver:
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
        """Answer all deliveries, and later ones."""
        self._released.set()


@contextmanager
def waiting_receiver() -> Iterator[WaitingReceiver]:
    receiver = WaitingReceiver()
    counting = threading.Lock()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.read_body()
            with counting:
                receiver.arrived += 1
            receiver._released.wait(_ANSWERS_WITHIN)
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

    with listening(Handler) as receiver.port:
        try:
            yield receiver
        finally:
            receiver.release()
