"""`docs/how-to/nginx-auth-request.md`: its configuration in a real nginx, with a real wablock and a real bot."""

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests.http_request import all_received
from tests.middleware.bot import block
from tests.middleware.how_to import blocks, replaced
from tests.nginx import free_port, running_nginx
from tests.receiver import Receiver, receiving
from tests.running_server import RunningServer
from tests.server.raw_http import Answer

PAGE = "nginx-auth-request.md"
ANNA, BEN, ANNAS_ID = "16505551234", "16505550101", "US.13491208655302741918"


@pytest.fixture
def bot() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def port(tmp_path: Path, server: RunningServer, bot: Receiver) -> Iterator[int]:
    """The port of nginx, with both configurations of the page."""
    block(server, ANNA)
    block(server, ANNAS_ID)
    with nginx(tmp_path, f"{server.host}:{server.port}", server.token, bot) as listening:
        yield listening


def nginx(folder: Path, wablock: str, token: str, bot: Receiver) -> AbstractContextManager[int]:
    port = free_port()
    return running_nginx(folder, port, _configuration(port, wablock, token, bot))


def _configuration(port: int, wablock: str, token: str, bot: Receiver) -> str:
    path, query_map, query_location = blocks(PAGE, "nginx")
    page = replaced(
        path,
        {
            "    location /chat {": query_location + "\n    location /chat {",
            "127.0.0.1:8080": wablock,
            "listen 8000": f"listen 127.0.0.1:{port}",
            "YOUR_TOKEN": token,
        },
    )
    page = replaced(page, {"127.0.0.1:3000": f"127.0.0.1:{bot.port}"})
    return f"{query_map}\n{page}"


def posted(port: int, target: str) -> Answer:
    """Post by hand, because a client library would normalise the path."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(
            f"POST {target} HTTP/1.1\r\nhost: bot.example\r\nauthorization: Bearer callers-own\r\n"
            f"content-length: 5\r\nconnection: close\r\n\r\nhello".encode()
        )
        received = all_received(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]), {}, body)


@pytest.mark.parametrize("target", [f"/chat/{BEN}", f"/chat/{BEN}?greeting=1", "/chat/US.999", f"/chat?user={BEN}"])
def test_a_free_users_request_reaches_the_bot_whole(port: int, bot: Receiver, target: str) -> None:
    assert posted(port, target).status == 200

    (delivery,) = bot.deliveries
    assert (delivery.path, delivery.body) == (target, b"hello")


@pytest.mark.parametrize(
    "target",
    [
        f"/chat/{ANNA}",
        f"/chat/{ANNAS_ID}",
        f"/chat?user={ANNA}",
        f"/chat?user={ANNA}&user={BEN}",
        "/chat/%31%36505551234",
        f"//chat/{ANNA}",
        f"/chat/{BEN}/../{ANNA}",
        f"/chat/./{ANNA}?x",
    ],
)
def test_a_blocked_users_request_does_not_reach_the_bot(port: int, bot: Receiver, target: str) -> None:
    assert posted(port, target).status == 403
    assert bot.deliveries == []


@pytest.mark.parametrize(
    "target,seen",
    [
        (f"/chat/{ANNA}/../{BEN}", f"/chat/{BEN}"),
        (f"/chat/{ANNA}/%2e%2e/{BEN}", f"/chat/{BEN}"),
        (f"/chat?user={BEN}&user={ANNA}", f"/chat?user={BEN}"),
    ],
)
def test_the_bot_sees_the_user_who_was_checked(port: int, bot: Receiver, target: str, seen: str) -> None:
    assert posted(port, target).status == 200

    assert [delivery.path for delivery in bot.deliveries] == [seen]


@pytest.mark.parametrize(
    "target",
    [
        "/chat",
        "/chat/",
        f"/chat/+{ANNA}",
        f"/chat/%2B{ANNA}",
        f"/chat/{ANNA}/",
        f"/chat/{ANNA}%0d%0a",
        f"/chat/{BEN}/{ANNA}",
        f"/chat/{ANNA}%3Fas=x",
        f"/chat?user=%31{ANNA[1:]}",
        f"/chat?user=+{ANNA}",
        f"/chat?x={ANNA}",
        f"/is-free?user={BEN}",
    ],
)
def test_a_path_without_a_plain_user_is_not_found(port: int, bot: Receiver, target: str) -> None:
    assert posted(port, target).status == 404
    assert bot.deliveries == []


def test_nothing_passes_while_wablock_is_unreachable(tmp_path: Path, bot: Receiver) -> None:
    with nginx(tmp_path, "127.0.0.1:9", "a-token", bot) as port:
        assert posted(port, f"/chat/{BEN}").status == 500
    assert bot.deliveries == []


def test_nothing_passes_with_a_bad_token(tmp_path: Path, server: RunningServer, bot: Receiver) -> None:
    with nginx(tmp_path, f"{server.host}:{server.port}", "another-token", bot) as port:
        assert posted(port, f"/chat/{BEN}").status == 401
    assert bot.deliveries == []


def test_a_number_without_a_country_does_not_pass(port: int, bot: Receiver) -> None:
    assert posted(port, "/chat/9991234567").status == 500
    assert bot.deliveries == []
