"""The memory limit of all request bodies together, and its small share for senders without a token."""

import select
from pathlib import Path

from tests.running_server import running_server
from tests.server.raw_http import Answer, Connection, block, request

from wablock.settings import LimitSettings

SMALL = LimitSettings(max_unproven_bodies=100_000, max_bodies=300_000)


def begun(connection: Connection, size: int) -> None:
    """Send most of a webhook without a valid signature, and wait until the server has read it."""
    signature = "X-Hub-Signature-256: sha256=" + "0" * 64
    head = f"POST /webhooks/whatsapp HTTP/1.1\r\nHost: a\r\n{signature}\r\nContent-Length: {size + 1}\r\n"
    connection.send(f"{head}Expect: 100-continue\r\n\r\n".encode())
    assert connection.answer().status == 100
    connection.send(b" " * size)


def is_refused(answer: Answer) -> bool:
    return (answer.status, answer.error["code"], "retry-after" in answer.headers) == (503, 2, True)


def test_the_oldest_body_without_a_token_is_dropped_first(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, limits=SMALL) as server,
        Connection(server) as oldest,
        Connection(server) as another,
        Connection(server) as newest,
    ):
        begun(oldest, 45_000)
        begun(another, 45_000)
        begun(newest, 45_000)

        assert is_refused(oldest.answer())
        assert oldest.is_closed()
        for connection in (another, newest):
            connection.send(b" ")
            assert connection.answer().status == 401


def test_bodies_with_a_token_have_a_larger_limit(tmp_path: Path) -> None:
    with running_server(tmp_path, limits=SMALL) as server, Connection(server) as connection:
        body = block("16505550101")[:-1] + b" " * 150_000 + b"}"
        connection.send(request(server, "POST", server.block_users, body))

        assert connection.answer().status == 200


def test_bodies_with_a_token_have_a_common_limit(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, limits=SMALL) as server,
        Connection(server) as one,
        Connection(server) as other,
    ):
        body = block("16505550101")[:-1] + b" " * 200_000 + b"}"
        whole = request(server, "POST", server.block_users, body)
        for connection in (one, other):
            connection.send(whole[:-1])

        (refused,) = select.select([one, other], [], [], 30)[0]

        assert is_refused(refused.answer())
        accepted = other if refused is one else one
        accepted.send(whole[-1:])
        assert accepted.answer().status == 200


def test_the_body_of_an_answered_request_is_freed(tmp_path: Path) -> None:
    with running_server(tmp_path, limits=SMALL) as server, Connection(server) as connection:
        body = block("16505550101")[:-1] + b" " * 200_000 + b"}"
        for _ in range(30):
            connection.send(request(server, "POST", server.block_users, body))
            assert connection.answer().status == 200
