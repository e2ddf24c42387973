"""A client that closes its side after its request still reads the answers, as `nc -N` and some proxies do."""

from pathlib import Path

import pytest
from tests.running_server import RunningServer, running_server
from tests.server.pieces import wait_until_read
from tests.server.raw_http import Connection, block, request

from wablock.settings import LimitSettings

USER = "16505550101"
USERS = [str(16505550110 + number) for number in range(20)]


def _chunked(server: RunningServer, body: bytes) -> bytes:
    head = request(server, "POST", server.block_users, None, "Transfer-Encoding: chunked")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (body[:40], body[40:]))
    return head + chunks + b"0\r\n\r\n"


def _listed(server: RunningServer) -> list[str]:
    """The users on the block list, in the order of the page."""
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users))
        return [row["wa_id"] for row in connection.answer().json["data"]]


def test_a_get_is_answered_after_its_client_half_closed(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users))
        connection.finish()

        assert connection.answer().status == 200
        assert connection.is_closed()


def test_a_get_is_answered_when_the_end_of_the_stream_comes_later(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users))
        assert connection.answer().status == 200
        connection.send(request(server, "GET", server.block_users))
        connection.finish()

        assert connection.answer().status == 200
        assert connection.is_closed()


def test_a_post_is_answered_after_its_client_half_closed(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, block(USER)))
        connection.finish()

        answer = connection.answer()

        assert answer.status == 200
        assert USER in answer.body.decode()
        assert connection.is_closed()
    assert _listed(server) == [USER]


def test_a_delete_is_answered_after_its_client_half_closed(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, block(USER)))
        assert connection.answer().status == 200
        connection.send(request(server, "DELETE", server.block_users, block(USER)))
        connection.finish()

        answer = connection.answer()

        assert answer.status == 200
        assert USER in answer.body.decode()
    assert _listed(server) == []


def test_a_chunked_post_is_answered_after_its_client_half_closed(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(_chunked(server, block(USER)))
        connection.finish()

        answer = connection.answer()

        assert answer.status == 200
        assert USER in answer.body.decode()
        assert connection.is_closed()


def test_a_request_of_http_1_0_is_answered_after_its_client_half_closed(server: RunningServer) -> None:
    whole = request(server, "POST", server.block_users, block(USER)).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    with Connection(server) as connection:
        connection.send(whole)
        connection.finish()

        assert connection.answer().status == 200
        assert connection.is_closed()


def test_pipelined_requests_are_all_answered_after_their_client_half_closed(server: RunningServer) -> None:
    posts = [request(server, "POST", server.block_users, block(user)) for user in USERS]
    with Connection(server) as connection:
        connection.send(b"".join([*posts, request(server, "GET", server.block_users)]))
        connection.finish()

        answers = [connection.answer() for _ in USERS]
        page = connection.answer()

        assert [answer.status for answer in answers] == [200] * len(USERS)
        assert [user in answer.body.decode() for user, answer in zip(USERS, answers, strict=True)] == [True] * 20
        assert {row["wa_id"] for row in page.json["data"]} <= set(USERS)
        assert connection.is_closed()


def test_a_large_answer_is_whole_after_its_client_half_closed(server: RunningServer) -> None:
    with Connection(server, receive_buffer=4_096) as connection:
        connection.send(request(server, "GET", "/openapi.json") * 5)
        connection.finish()
        wait_until_read(server)  # the answers wait in the server: its client does not read yet

        documents = [connection.answer().body for _ in range(5)]

        assert documents == [documents[0]] * 5
        assert connection.is_closed()


@pytest.mark.parametrize("part", ["head", "body", "chunked body"])
def test_a_request_that_ends_in_its_middle_changes_nothing_and_its_connection_closes(
    server: RunningServer, part: str
) -> None:
    whole = request(server, "POST", server.block_users, block(USER))
    cut = {"head": whole[:60], "body": whole[:-1], "chunked body": _chunked(server, block(USER))[:-5]}[part]
    with Connection(server) as connection:
        connection.send(cut)
        connection.finish()

        statuses = _statuses_until_closed(connection)

    assert statuses in ([], [400])
    assert _listed(server) == []


def test_whole_requests_before_a_cut_one_are_answered(server: RunningServer) -> None:
    first, second = (request(server, "POST", server.block_users, block(user)) for user in USERS[:2])
    with Connection(server) as connection:
        connection.send(first + second[:-1])
        connection.finish()

        statuses = _statuses_until_closed(connection)

    assert statuses in ([200], [200, 400])
    assert _listed(server) == USERS[:1]


def test_a_connection_without_a_request_closes_when_its_client_half_closes(tmp_path: Path) -> None:
    with running_server(tmp_path, limits=LimitSettings(idle_timeout=600)) as server, Connection(server) as connection:
        connection.finish()

        assert connection.is_closed()


def test_an_idle_connection_closes_when_its_client_half_closes(tmp_path: Path) -> None:
    with running_server(tmp_path, limits=LimitSettings(idle_timeout=600)) as server, Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users))
        assert connection.answer().status == 200
        connection.finish()

        assert connection.is_closed()


def _statuses_until_closed(connection: Connection) -> list[int]:
    statuses = []
    while True:
        try:
            statuses.append(connection.answer().status)
        except ConnectionError:
            return statuses
