"""A whole gate for sends: a real server whose numbers send to a real upstream that records its requests."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2
import msgspec
from tests.receiver import Delivery, Receiver, receiving
from tests.running_server import NUMBER, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_webhooks import KEY

from wablock.block_list.ports import BusinessNumber
from wablock.gate.ports import Upstream
from wablock.settings import GateSettings
from wablock.wiring import routes_of

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data; boundary=xYz"


class Message(msgspec.Struct, frozen=True):
    """A request to `/messages`: its Content-Type, its query, its body."""

    content_type: str | None = None
    query: str = ""
    body: bytes = b""


class SendingGate:
    """Sends messages through the gate; `received` is what reached the upstream."""

    def __init__(self, server: RunningServer, upstream: Receiver, client: httpx2.Client) -> None:
        self.server = server
        self._upstream = upstream
        self._client = client

    @property
    def received(self) -> list[Delivery]:
        return self._upstream.deliveries

    def send(self, message: Message, phone_number_id: str = PHONE_NUMBER_ID, edge: str = "messages") -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.server.token}"}
        if message.content_type is not None:
            headers["content-type"] = message.content_type
        query = "?" + message.query if message.query else ""
        url = f"{self.server.url}/v25.0/{phone_number_id}/{edge}{query}"
        return self._client.post(url, content=message.body, headers=headers)

    def refusal(self, message: Message, phone_number_id: str = PHONE_NUMBER_ID) -> int:
        """The error code of the refusal of `message`, which is not sent then; 0 if it was forwarded once."""
        before = len(self.received)
        answer = self.send(message, phone_number_id)
        assert len(self.received) - before == (answer.status_code == 200)
        return 0 if answer.status_code == 200 else int(answer.json()["error"]["code"])


@contextmanager
def sending_gate(
    tmp_path: Path, *, numbers: Sequence[BusinessNumber] = (NUMBER,), gate: GateSettings | None = None
) -> Iterator[SendingGate]:
    with (
        receiving() as upstream,
        running_server(tmp_path, key=KEY, numbers=numbers, gate=gate) as server,
        httpx2.Client() as client,
    ):
        asyncio.run(_set_upstreams(server, numbers, f"http://127.0.0.1:{upstream.port}"))
        yield SendingGate(server, upstream, client)


async def _set_upstreams(server: RunningServer, numbers: Sequence[BusinessNumber], url: str) -> None:
    routes = routes_of(server.wired.store, KEY)
    for number in numbers:
        upstream = Upstream(number.phone_number_id, url, "metas-token", may_be_inside=True)
        assert await routes.upstreams.set(number.account_id, upstream)
