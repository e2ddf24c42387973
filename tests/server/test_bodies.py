"""How a body may arrive: whole, in pieces, in chunks, after `100 Continue`, or not at all."""

import json
from pathlib import Path

import pytest
from tests.running_server import RunningServer, running_server
from tests.server.raw_http import Connection, block, request

from wablock.settings import LimitSettings

USER = "16505550101"


def test_an_invalid_chunk_gets_a_graph_error(server: RunningServer) -> None:
    head = request(server, "POST", server.block_users, None, "Transfer-Encoding: chunked")
    with Connection(server) as connection:
        connection.send(head + b"not-a-size\r\n")

        assert connection.answer().error["code"] == 100
        assert connection.is_closed()


def test_a_body_in_chunks_is_read(server: RunningServer) -> None:
    head = request(server, "POST", server.block_users, None, "Transfer-Encoding: chunked")
    body = block(USER)
    with Connection(server) as connection:
        connection.send(head)
        for start in range(0, len(body), 10):
            chunk = body[start : start + 10]
            connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        connection.send(b"0\r\n\r\n")

        assert json.loads(connection.answer().body)["block_users"]["added_users"][0]["wa_id"] == USER


def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(tmp_path: Path) -> None:
    with running_server(tmp_path, limits=LimitSettings(max_body=1_000)) as server, Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, None, "Transfer-Encoding: chunked"))
        connection.send(b"3e9\r\n" + b" " * 1_001 + b"\r\n")

        assert connection.answer().status == 413
        assert connection.is_closed()


def test_a_body_with_too_large_a_length_is_refused_before_it_arrives(server: RunningServer) -> None:
    head = request(server, "POST", server.block_users, None, "Content-Length: 99999999")
    with Connection(server) as connection:
        connection.send(head)

        assert connection.answer().status == 413
        assert connection.is_closed()


def test_a_client_that_expects_100_continue_gets_it(server: RunningServer) -> None:
    whole = request(server, "POST", server.block_users, block(USER), "Expect: 100-continue")
    head, body = whole.split(b"\r\n\r\n")
    with Connection(server) as connection:
        connection.send(head + b"\r\n\r\n")
        assert connection.answer().status == 100
        connection.send(body)

        assert connection.answer().status == 200


def test_a_client_that_expects_100_continue_with_a_bad_token_does_not_get_it(server: RunningServer) -> None:
    whole = request(server, "POST", server.block_users, block(USER), "Expect: 100-continue")
    with Connection(server) as connection:
        connection.send(whole.split(b"\r\n\r\n")[0].replace(b"Bearer ", b"Bearer not-") + b"\r\n\r\n")

        assert connection.answer().status == 401


def test_a_client_that_disconnects_in_the_middle_of_its_body_changes_nothing(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, block(USER))[:-5])

    with Connection(server) as other:
        other.send(request(server, "GET", server.block_users))
        assert other.answer().body == b'{"data":[]}'


def test_http_1_0_is_answered_and_closed(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users).replace(b"HTTP/1.1", b"HTTP/1.0"))

        assert connection.answer().status == 200
        assert connection.is_closed()


def test_a_body_of_one_byte_in_a_chunk_is_read(server: RunningServer) -> None:
    body = block(*(str(16505550000 + number) for number in range(1_000)))
    with Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, None, "Transfer-Encoding: chunked"))
        connection.send(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")

        assert connection.answer().status == 200


def test_trailers_behind_a_chunked_body_are_ignored(server: RunningServer) -> None:
    head = request(server, "POST", server.block_users, None, "Transfer-Encoding: chunked")
    body = block(USER)
    with Connection(server) as connection:
        connection.send(head + b"%x\r\n%s\r\n0\r\nAuthorization: Bearer other\r\n\r\n" % (len(body), body))
        assert connection.answer().status == 200
        connection.send(request(server, "GET", server.block_users))

        assert USER in connection.answer().body.decode()


def test_trailers_behind_a_chunked_body_are_not_read_forever(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, None, "Transfer-Encoding: chunked"))
        connection.send(b"0\r\nX-Name: ")

        with pytest.raises(ConnectionError):
            _send_without_end(connection)


def _send_without_end(connection: Connection) -> None:
    for _ in range(10_000):
        connection.send(b"v" * 10_000)
