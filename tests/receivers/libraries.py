"""Public libraries as webhook receivers, each in its own process, and the handlers of a bot that they call."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias

import httpx2
import msgspec
from tests.client_libraries import FOLDER, RECEIVERS
from tests.missing import missing
from tests.server.test_webhooks import SECRET, signed

LIBRARIES: Final = {
    "pywa": [str(FOLDER / "pywa/bin/python"), str(RECEIVERS / "receive_with_pywa.py")],
    "whatsapp-api-js": ["node", str(FOLDER / "js/receive_with_whatsapp_api_js.mjs")],
    "kapso": ["node", str(FOLDER / "js/receive_with_kapso.mjs")],
}

Part: TypeAlias = Literal["message", "call", "history", "standby", "status", "echo", "own call", "preference", "other"]

HANDED_OUT: Final[dict[str, frozenset[Part]]] = {
    "pywa": frozenset(("message", "call", "history", "standby", "status", "echo", "own call", "preference")),
    "whatsapp-api-js": frozenset(("message", "call", "status", "own call")),
    "kapso": frozenset(("message", "call", "history", "standby", "status", "echo", "own call")),
}
"""The parts for which a library has a handler, or shows them to one for all webhooks."""

_ENDS_WITHIN: Final = 20  # seconds
_SENT: Final = frozenset(("message", "call", "history", "standby"))
"""The parts that a user sends. The others are the business's own, or about the user."""


class Handled(msgspec.Struct, frozen=True):
    """One call of a handler: the part, its id, and the ids of the user."""

    part: Part
    id: str
    of: list[str]


class Delivery(msgspec.Struct, frozen=True):
    """One request as the library took it. `failures`: what it could not read."""

    status: int
    accepted: bool
    handled: list[Handled]
    failures: list[str]

    @property
    def crashed(self) -> bool:
        return self.status >= 500 or bool(self.failures)

    def parts_of(self, *ids: str) -> list[str]:
        """The parts for which a handler was called with this user."""
        return [it.part for it in self.handled if not set(ids).isdisjoint(it.of)]

    def sent_by(self, *ids: str) -> list[str]:
        """The ids of this user's items for which a handler was called."""
        return [it.id for it in self.handled if it.part in _SENT and not set(ids).isdisjoint(it.of)]


class Library:
    """A library's own webhook receiver, at `url`."""

    def __init__(self, name: str, address: str, client: httpx2.Client) -> None:
        self.name = name
        self.url = f"{address}/hook"
        self.hands_out = HANDED_OUT[name]
        self._client = client
        self._seen = f"{address}/seen"

    def received(self, body: bytes, app_secret: str = SECRET) -> Delivery:
        """The handling of a webhook that is posted to the library directly."""
        self._client.post(self.url, content=body, headers={"x-hub-signature-256": signed(body, app_secret)})
        (delivery,) = self.seen()
        return delivery

    def seen(self) -> list[Delivery]:
        """The deliveries since the last call, after their handlers have ended."""
        return msgspec.json.decode(self._client.get(self._seen).content, type=list[Delivery])


@contextmanager
def running(name: str, client: httpx2.Client) -> Iterator[Library]:
    """The library's receiver until the block ends. The process ends with its standard input, so also with the tests."""
    environment = {"PATH": os.environ["PATH"], "APP_SECRET": SECRET}
    try:
        process = subprocess.Popen(
            LIBRARIES[name], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        missing(f"{LIBRARIES[name][0]} is not installed")
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address, f"{name} does not listen"
            yield Library(name, address, client)
        finally:
            process.stdin.close()
            process.wait(_ENDS_WITHIN)
