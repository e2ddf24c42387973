"""Requests that are sent before the earlier ones are answered, and offers of another protocol."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.running_server import RunningServer
from tests.server.pieces import send_read_alone
from tests.server.raw_http import Answer, Connection, block, request

USERS = [str(16505550101 + number) for number in range(50)]
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
LARGE = b'{"messaging_product":"whatsapp","block_users":[{"user":"+16505550101","x":"' + b"x" * 60_000 + b'"}]}'


def test_pipelined_requests_are_answered_in_their_order(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(b"".join(request(server, "POST", server.block_users, block(user)) for user in USERS))

        answers = [connection.answer() for _ in USERS]

    assert [user in answer.body.decode() for user, answer in zip(USERS, answers, strict=True)] == [True] * len(USERS)


def test_a_head_that_begins_behind_a_large_body_is_not_too_large(server: RunningServer) -> None:
    first, second = request(server, "POST", server.block_users, LARGE), request(server, "GET", server.block_users)
    with Connection(server) as connection:
        connection.send(first + second[:20])
        assert connection.answer().status == 200
        connection.send(second[20:])

        assert connection.answer().status == 200


def test_garbage_behind_a_request_does_not_take_its_answer(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, block(*USERS)) + b"\x00garbage\r\n\r\n")

        answer = connection.answer()

        assert answer.status == 200
        assert answer.headers["connection"] == "close"
        assert connection.is_closed()


def test_requests_sent_far_ahead_are_not_kept_but_accepted_ones_are_answered(server: RunningServer) -> None:
    ahead = 2_000
    with Connection(server) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * ahead)

        answered = len(list(_answers_until_closed(connection)))

    assert 0 < answered < ahead


def _answers_until_closed(connection: Connection) -> Iterator[Answer]:
    with suppress(ConnectionError):
        while True:
            yield connection.answer()


@pytest.mark.parametrize("offer", [H2C, ("Connection: Upgrade", "Upgrade: websocket")], ids=["h2c", "websocket"])
@pytest.mark.parametrize("pieces", [1, 3])
def test_a_request_that_offers_another_protocol_is_answered_in_this_one(
    server: RunningServer, offer: tuple[str, ...], pieces: int
) -> None:
    whole = request(server, "POST", server.block_users, block(USERS[0]), *offer)
    size = len(whole) // pieces + 1
    with Connection(server) as connection:
        send_read_alone(server, connection, (whole[start : start + size] for start in range(0, len(whole), size)))

        answer = connection.answer()

        assert answer.status == 200
        assert USERS[0] in answer.body.decode()


@pytest.mark.parametrize("path", ["/x", "/v25.0/1/block_users", "wablock.test:443"])
def test_a_request_for_a_tunnel_is_answered_once_and_the_connection_closes(server: RunningServer, path: str) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "CONNECT", path))

        answer = connection.answer()

        assert answer.status == 400
        assert answer.error["message"] == "Unsupported request - method type: connect"
        assert connection.is_closed()


def test_after_an_offer_of_another_protocol_the_connection_goes_on(server: RunningServer) -> None:
    with Connection(server) as connection:
        for _ in range(3):
            connection.send(request(server, "GET", server.block_users, None, *H2C))
            assert connection.answer().status == 200


def test_many_offers_at_once_are_answered_each(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users, None, *H2C) * 50)

        assert [connection.answer().status for _ in range(50)] == [200] * 50
