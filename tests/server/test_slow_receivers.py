"""A tenant's receivers that never answer do not use up the connections of the others."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Final

import httpx2
import msgspec
import pytest
from tests.receiver import Receiver
from tests.running_server import NUMBER, RunningServer, running_server
from tests.server.slow_tenant import THEIR_ACCESS, THEIR_TOKEN, THEIRS
from tests.server.test_webhooks import ANNA, KEY, message, post, set_up, signed, webhook

from wablock.gate.ports import Upstream
from wablock.gate.routes.downstreams import NewDownstream
from wablock.settings import LimitSettings
from wablock.wiring import routes_of

PLACES: Final = 8
THEIR_SECRET: Final = "their app secret"
LONG: Final = 30.0  # seconds


class SilentServer:
    """Puts True into `ends` for each connection that it accepts, and never answers one."""

    def __init__(self, listening: socket.socket, ends: "Queue[bool]") -> None:
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        self._listening = listening
        self._ends = ends
        self._accepted: list[socket.socket] = []

    def accept(self) -> None:
        while True:
            try:
                self._accepted.append(self._listening.accept()[0])
            except OSError:  # closed
                return
            self._ends.put(True)

    def hang_up(self) -> None:
        """Close all waiting connections, now and later."""
        with contextlib.suppress(OSError):  # it was called before
            self._listening.shutdown(socket.SHUT_RDWR)
        for connection in self._accepted:
            connection.close()


@contextmanager
def silent(ends: "Queue[bool]") -> Iterator[SilentServer]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = SilentServer(listening, ends)
        accepting = threading.Thread(target=server.accept)
        accepting.start()
        yield server
        server.hang_up()
        accepting.join()


@pytest.fixture
def ends() -> "Queue[bool]":
    """The slow tenant's requests: True for one that waits, False for one that was answered."""
    return Queue()


@pytest.fixture
def silent_server(ends: "Queue[bool]") -> Iterator[SilentServer]:
    with silent(ends) as running:
        yield running


@pytest.fixture
def gate(tmp_path: Path, receiver: Receiver, silent_server: SilentServer) -> Iterator[RunningServer]:
    limits = LimitSettings(max_connections=PLACES)
    with running_server(tmp_path, key=KEY, numbers=[NUMBER, THEIRS], tokens=[THEIR_ACCESS], limits=limits) as running:
        set_up(running, receiver.url)
        asyncio.run(set_up_theirs(running, silent_server.url))
        yield running


async def set_up_theirs(gate: RunningServer, url: str) -> None:
    routes = routes_of(gate.wired.store, KEY)
    account, number = THEIRS.account_id, THEIRS.phone_number_id
    receiver = NewDownstream(url=url, may_be_inside=True, timeout=LONG)
    upstream = Upstream(number, url, "metas-token", timeout=LONG, may_be_inside=True)
    await routes.accounts.set(account, THEIR_SECRET, "their verify token")
    assert await routes.downstreams.add(account, number, receiver)
    assert await routes.upstreams.set(account, upstream)


def post_theirs(gate: RunningServer, entry: str, number: str) -> httpx2.Response:
    body = msgspec.json.decode(webhook(message(ANNA), number=number))
    body["entry"][0]["id"] = entry
    encoded = msgspec.json.encode(body)
    headers = {"content-type": "application/json", "x-hub-signature-256": signed(encoded, THEIR_SECRET)}
    return httpx2.post(gate.url + "/webhooks/whatsapp", content=encoded, headers=headers, timeout=2 * LONG)


def their_webhook(gate: RunningServer) -> httpx2.Response:
    return post_theirs(gate, THEIRS.account_id, THEIRS.phone_number_id)


def their_dashboards_sample(gate: RunningServer) -> httpx2.Response:
    return post_theirs(gate, "0", "123456123")


def their_send(gate: RunningServer) -> httpx2.Response:
    url = f"{gate.url}/v25.0/{THEIRS.phone_number_id}/messages"
    headers = {"authorization": f"Bearer {THEIR_TOKEN}"}
    body = {"messaging_product": "whatsapp", "to": ANNA, "type": "text", "text": {"body": "Hello"}}
    return httpx2.post(url, json=body, headers=headers, timeout=2 * LONG)


@pytest.mark.parametrize("request_of_theirs", [their_webhook, their_dashboards_sample, their_send])
def test_a_tenants_silent_servers_leave_connections_to_others(
    gate: RunningServer,
    receiver: Receiver,
    silent_server: SilentServer,
    ends: "Queue[bool]",
    request_of_theirs: Callable[[RunningServer], httpx2.Response],
) -> None:
    def ask() -> int:
        answer = request_of_theirs(gate)
        ends.put(False)
        return answer.status_code

    with ThreadPoolExecutor(PLACES) as pool:
        try:
            requests = [pool.submit(ask)]
            while ends.get(timeout=LONG) and len(requests) < PLACES:
                requests.append(pool.submit(ask))

            assert post(gate, webhook(message(ANNA))).status_code == 200

            assert len(receiver.deliveries) == 1
            assert len(requests) == PLACES // 2 + 1
            assert requests[-1].result() == 503
        finally:
            silent_server.hang_up()
