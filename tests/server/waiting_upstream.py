"""An upstream in threads that finishes a response when a test releases it."""

import asyncio
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.listening import listening
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, RunningServer
from tests.server.raw_http import request
from tests.server.test_webhooks import KEY

from wablock.gate.ports import Upstream
from wablock.wiring import routes_of

MESSAGES: Final = f"/v25.0/{PHONE_NUMBER_ID}/messages"
MESSAGE: Final = b'{"messaging_product":"whatsapp","to":"16505550101","type":"text","text":{"body":"hi"}}'

_WITHIN: Final = 60  # seconds


class WaitingUpstream:
    """Answers every request with `first` at once, and with `rest` after `release`."""

    def __init__(self, first: bytes, rest: bytes) -> None:
        self.first = first
        self.rest = rest
        self.port = 0
        self._received = threading.Event()
        self._released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for_request(self) -> None:
        assert self._received.wait(_WITHIN), "no request reaches the upstream"

    def release(self) -> None:
        self._released.set()

    def answer(self, connection: socketserver.StreamRequestHandler) -> None:
        while connection.rfile.readline() not in (b"", b"\r\n"):
            pass
        connection.wfile.write(self.first)
        self._received.set()
        self._released.wait(_WITHIN)
        connection.wfile.write(self.rest)


@contextmanager
def waiting_upstream(rest: bytes, *, first: bytes = b"") -> Iterator[WaitingUpstream]:
    """An upstream on loopback; released at the end of the block. Its connections close after one answer."""
    upstream = WaitingUpstream(first, rest)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            upstream.answer(self)

    with listening(Handler) as upstream.port:
        try:
            yield upstream
        finally:
            upstream.release()


def send_to(server: RunningServer, upstream: WaitingUpstream) -> None:
    """Set `upstream` for the server's number."""
    chosen = Upstream(PHONE_NUMBER_ID, upstream.url, "metas-token", timeout=60.0, may_be_inside=True)
    assert asyncio.run(routes_of(server.wired.store, KEY).upstreams.set(ACCOUNT_ID, chosen))


def message(server: RunningServer) -> bytes:
    """A request that is forwarded to the upstream."""
    return request(server, "POST", MESSAGES, MESSAGE)
