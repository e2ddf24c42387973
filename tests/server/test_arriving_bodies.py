"""Bodies while they arrive: their limits of time and bytes, and when the server stops reading them."""

from pathlib import Path
from typing import Final

import pytest
from tests.running_server import RunningServer, running_server
from tests.server.open_connections import all_close
from tests.server.pieces import slow_send
from tests.server.raw_http import Connection, block, request
from tests.server.test_webhooks import KEY
from tests.server.waiting_upstream import message, send_to, waiting_upstream

from wablock.settings import LimitSettings

USER: Final = "16505550101"
LARGE: Final = 64_000_000  # far more than the system stores for a connection
OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def test_a_body_is_not_read_while_the_request_before_it_is_at_work(tmp_path: Path) -> None:
    limits = LimitSettings(max_body=LARGE, body_timeout=300)
    with (
        waiting_upstream(OK) as upstream,
        running_server(tmp_path, key=KEY, limits=limits) as server,
        Connection(server) as connection,
    ):
        send_to(server, upstream)
        body = block(USER).ljust(LARGE)
        connection.send(message(server))
        upstream.wait_for_request()

        whole = request(server, "POST", server.block_users, body)
        taken = connection.send_what_fits(whole)
        upstream.release()
        first = connection.answer()
        connection.send(whole[taken:])
        second = connection.answer()

    assert taken < LARGE / 2
    assert first.body == b"ok"
    assert USER in second.body.decode()


def test_a_body_in_small_pieces_gets_no_more_time(impatient: RunningServer) -> None:
    with Connection(impatient) as connection:
        connection.send(request(impatient, "POST", impatient.block_users, block(USER).ljust(1_000))[:-1_000])
        try:
            slow_send(connection, [b" "] * 750, 0.02)
        except ConnectionError:
            return
        pytest.fail("the server waits for the body")


def test_chunks_that_are_mostly_extensions_are_not_read_forever(server: RunningServer) -> None:
    chunks = (b"1;" + b"n" * 93 + b"\r\n \r\n") * 100
    with Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, None, "Transfer-Encoding: chunked"))
        try:
            slow_send(connection, [chunks] * 400, 0.001)  # 40,000 bytes that take 4,000,000
            assert connection.answer().status == 431
        except ConnectionError:
            return


def test_a_body_that_stops_after_its_answer_is_not_answered_again(tmp_path: Path) -> None:
    limits = LimitSettings(body_timeout=0.3, idle_timeout=60)
    with running_server(tmp_path, limits=limits) as server, Connection(server) as connection:
        whole = request(server, "POST", server.block_users, block(USER)).replace(b"Bearer ", b"Bearer not-")
        connection.send(whole[:-5])

        assert connection.answer().status == 401
        assert connection.is_closed()


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_client_that_leaves_in_the_middle_of_its_body_does_not_keep_a_server_from_its_end(
    tmp_path: Path, framing: str
) -> None:
    limits = LimitSettings(shutdown_timeout=300, body_timeout=300)
    with running_server(tmp_path, limits=limits) as server:
        with Connection(server) as connection:
            connection.send(request(server, "POST", server.block_users, None, framing, "Expect: 100-continue"))
            assert connection.answer().status == 100
            connection.send(b"5\r\nhello\r\n")
        assert all_close(server)
    # The end of the block fails unless the server stops long before its 300 s are over.


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/v25.0/106540352242922/block_users"])
def test_a_head_request_is_answered_without_a_body(server: RunningServer, path: str) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "HEAD", path))
        connection.answer(to_head=True)
        connection.send(request(server, "GET", "/healthz"))

        assert connection.answer().json == {"status": "ok"}


def test_an_answer_to_a_caller_that_closes_says_close(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users, None, "Connection: close"))

        assert connection.answer().headers["connection"] == "close"
        assert connection.is_closed()


def test_http_1_0_is_answered_with_close(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users).replace(b"HTTP/1.1", b"HTTP/1.0"))

        assert connection.answer().headers["connection"] == "close"
        assert connection.is_closed()
