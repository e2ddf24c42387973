"""`docs/how-to/put-the-gate-in-front.md`: its nginx, which sends only messages to a real wablock."""

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.conformance.caller import calling
from tests.http_request import all_received
from tests.nginx import free_port, running_nginx
from tests.receiver import Receiver, receiving
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_webhooks import ANNA, BEN, KEY

from wablock.gate.ports import Upstream
from wablock.wiring import routes_of

PAGE: Final = Path(__file__).parent.parent.parent / "docs/how-to/put-the-gate-in-front.md"


@pytest.fixture
def graph() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def port(tmp_path: Path, graph: Receiver) -> Iterator[int]:
    """The port of nginx; Anna is blocked, and wablock's upstream is the same Graph."""
    with running_server(tmp_path, key=KEY) as server, calling(server) as caller:
        caller.block("+" + ANNA)
        asyncio.run(send_through(server, graph))
        port = free_port()
        with running_nginx(tmp_path, port, _configuration(port, server.url, f"http://127.0.0.1:{graph.port}")):
            yield port


async def send_through(server: RunningServer, graph: Receiver) -> None:
    upstream = Upstream(PHONE_NUMBER_ID, f"http://127.0.0.1:{graph.port}", server.token, may_be_inside=True)
    assert await routes_of(server.wired.store, KEY).upstreams.set(ACCOUNT_ID, upstream)


def _configuration(port: int, wablock: str, graph: str) -> str:
    (block,) = re.findall(r"^```nginx\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    page = str(block)
    for documented, here in {
        "listen 127.0.0.1:8090": f"listen 127.0.0.1:{port}",
        "http://127.0.0.1:8080": wablock,
        "https://graph.facebook.com": graph,
    }.items():
        assert documented in page
        page = page.replace(documented, here)
    return page


def posted(port: int, target: str, to: str) -> bytes:
    """Post by hand, because a client library would normalise the path."""
    body = f'{{"messaging_product":"whatsapp","to":"{to}"}}'
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(
            f"POST {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wablock-test-token\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
        )
        return all_received(connection)


def test_a_message_reaches_graph_unless_its_user_is_blocked(port: int, graph: Receiver) -> None:
    target = f"/v13.0/{PHONE_NUMBER_ID}/messages"

    answers = [posted(port, target, to) for to in (ANNA, BEN)]

    assert b'"code":130403' in answers[0]
    assert answers[1].startswith(b"HTTP/1.1 200 ")
    assert [(delivery.path, delivery.json()["to"]) for delivery in graph.deliveries] == [(target, BEN)]


@pytest.mark.parametrize(
    "target",
    [f"/v13.0/{PHONE_NUMBER_ID}/media", f"/v14.0/{ACCOUNT_ID}/message_templates?limit=1", "/v21.0/debug_token"],
)
def test_a_request_that_is_not_a_message_reaches_graph_unchanged(port: int, graph: Receiver, target: str) -> None:
    posted(port, target, ANNA)

    (delivery,) = graph.deliveries
    assert (delivery.path, delivery.headers["host"]) == (target, "graph.facebook.com")
    assert delivery.headers["authorization"] == "Bearer wablock-test-token"


@pytest.mark.parametrize(
    "path", ["messages/", "messages?to=1", "Messages", "%6dessages", "x/../messages", "./messages"]
)
@pytest.mark.parametrize("before", ["/v25.0/", "/", "//v25.0//"])
def test_no_spelling_of_the_path_bypasses_wablock(port: int, graph: Receiver, before: str, path: str) -> None:
    posted(port, f"{before}{PHONE_NUMBER_ID}/{path}", ANNA)

    assert graph.deliveries == []
