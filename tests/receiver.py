"""A business's own receiver: a real HTTP server on loopback that records its deliveries."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from tests.listening import QuietHandler, listening


class Delivery(msgspec.Struct, frozen=True):
    """One request: its body as it came, and its headers by small name."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Receiver:
    """Answers the next of `statuses`, then `status` to everything, after `delay` seconds.

    `deliveries` are in the order of their arrival, `taken` those that it answered with 200.
    """

    def __init__(self) -> None:
        self.status = 200
        self.statuses: list[int] = []
        self.delay = 0.0
        self.deliveries: list[Delivery] = []
        self.taken: list[Delivery] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def message_ids(self) -> list[str]:
        """The id of every message in its deliveries, in order."""
        return _message_ids(self.deliveries)

    def taken_message_ids(self) -> list[str]:
        """The id of every message that it answered with 200, in order."""
        return _message_ids(self.taken)


def _message_ids(deliveries: list[Delivery]) -> list[str]:
    return [
        message["id"]
        for delivery in deliveries
        for entry in delivery.json()["entry"]
        for change in entry["changes"]
        for message in change["value"].get("messages", [])
    ]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = self.read_body()
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.statuses.pop(0) if receiver.statuses else receiver.status
            delivery = Delivery(self.path, headers, body)
            receiver.deliveries.append(delivery)
            time.sleep(receiver.delay)  # a test may make the receiver slow
            if status == 200:
                receiver.taken.append(delivery)
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

    with listening(Handler) as receiver.port:
        yield receiver
