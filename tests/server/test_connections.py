"""The limits of one connection: bytes, time, and its place among the others."""

from pathlib import Path

import pytest
from tests.running_server import RunningServer, running_server
from tests.server.pieces import send_read_alone, slow_send
from tests.server.raw_http import Answer, Connection, block, request

from wablock.settings import LimitSettings

USER = "16505550101"


def _is_envelope(answer: Answer, status: int, code: int) -> bool:
    """Whether it is a complete Graph error: its body, and the headers of every error."""
    has_members = {"type", "code", "message", "fbtrace_id"} <= answer.error.keys()
    has_its_id = answer.headers["x-fb-request-id"] == answer.error["fbtrace_id"].lower()
    is_json = answer.headers["content-type"] == "application/json"
    return (answer.status, answer.error["code"]) == (status, code) and has_members and has_its_id and is_json


def test_a_head_that_is_too_large_is_refused_in_one_piece(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users, None, "X-Large: " + "a" * 40_000))

        answer = connection.answer()

        assert _is_envelope(answer, 431, 100)
        assert "32768 bytes" in answer.error["error_data"]["details"]
        assert connection.is_closed()


def test_a_head_that_is_too_large_is_refused_in_many_pieces(server: RunningServer) -> None:
    with Connection(server) as connection:
        # No more than the limit: if a server leaves bytes unread, its answer may be lost.
        lines = (b"X-%d: " % number + b"a" * 1_000 + b"\r\n" for number in range(33))
        send_read_alone(server, connection, [b"GET / HTTP/1.1\r\n", *lines])

        assert _is_envelope(connection.answer(), 431, 100)


def test_a_head_with_too_long_an_address_is_refused(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "GET", f"{server.block_users}?x={'a' * 40_000}"))

        assert _is_envelope(connection.answer(), 431, 100)


def test_a_head_of_just_the_allowed_size_is_answered(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users, None, "X-Large: " + "a" * 32_000))

        assert connection.answer().status == 200


def test_half_a_head_times_out(impatient: RunningServer) -> None:
    with Connection(impatient) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: wab")

        assert _is_envelope(connection.answer(), 408, 100)
        assert connection.is_closed()


def test_a_head_in_small_pieces_gets_no_more_time(impatient: RunningServer) -> None:
    with Connection(impatient) as connection:
        connection.send(b"GET / HTTP/1.1\r\n")
        try:
            slow_send(connection, [b"X: y\r\n"] * 200, 0.05)
        except ConnectionError:
            return
        pytest.fail("it was waited for")


def test_a_body_that_stops_in_its_middle_times_out(impatient: RunningServer) -> None:
    whole = request(impatient, "POST", impatient.block_users, block(USER))
    with Connection(impatient) as connection:
        connection.send(whole[:-5])

        assert _is_envelope(connection.answer(), 408, 100)
        assert connection.is_closed()


def test_a_body_that_stops_in_its_middle_has_no_effect(impatient: RunningServer) -> None:
    whole = request(impatient, "POST", impatient.block_users, block(USER))
    with Connection(impatient) as stopped:
        stopped.send(whole[:-5])
        assert stopped.answer().status == 408

    with Connection(impatient) as connection:
        connection.send(request(impatient, "GET", impatient.block_users))

        assert connection.answer().body == b'{"data":[]}'


def test_a_slow_body_in_time_is_answered(server: RunningServer) -> None:
    whole = request(server, "POST", server.block_users, block(USER))
    with Connection(server) as connection:
        send_read_alone(server, connection, (whole[start : start + 40] for start in range(0, len(whole), 40)))

        assert connection.answer().status == 200


def test_a_connection_that_sends_nothing_is_closed(impatient: RunningServer) -> None:
    with Connection(impatient) as connection:
        assert connection.is_closed()


def test_a_connection_that_sends_only_empty_lines_is_closed(impatient: RunningServer) -> None:
    with Connection(impatient) as connection:
        connection.send(b"\r\n\r\n")

        assert connection.is_closed()


def test_a_connection_that_is_idle_after_an_answer_is_closed(impatient: RunningServer) -> None:
    with Connection(impatient) as connection:
        connection.send(request(impatient, "GET", impatient.block_users))
        assert connection.answer().status == 200

        assert connection.is_closed()


def test_a_connection_that_is_idle_after_an_unread_body_is_closed(impatient: RunningServer) -> None:
    refused = request(impatient, "POST", impatient.block_users, block(USER)).replace(b"Bearer ", b"Bearer not-")
    with Connection(impatient) as connection:
        connection.send(refused[:-5])
        assert connection.answer().status == 401
        connection.send(refused[-5:])

        assert connection.is_closed()


def test_a_connection_past_the_limit_is_refused_if_all_others_are_at_work(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, limits=LimitSettings(max_connections=2)) as server,
        Connection(server) as one,
        Connection(server) as other,
    ):
        whole = request(server, "POST", server.block_users, block(USER), "Expect: 100-continue")
        head, body = whole.split(b"\r\n\r\n")
        for connection in (one, other):
            connection.send(head + b"\r\n\r\n")
            assert connection.answer().status == 100
        with Connection(server) as third:
            answer = third.answer()

            assert _is_envelope(answer, 503, 2)
            assert answer.error["is_transient"] is True
            assert int(answer.headers["retry-after"]) >= 1
            assert third.is_closed()
        for connection in (one, other):
            connection.send(body)
            assert connection.answer().status == 200


def test_the_connection_that_has_been_idle_for_longest_gives_way_to_another(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, limits=LimitSettings(max_connections=2)) as server,
        Connection(server) as first,
        Connection(server) as second,
    ):
        for connection in (first, second, first):  # so the second has been idle for longer
            connection.send(request(server, "GET", server.block_users))
            assert connection.answer().status == 200
        with Connection(server) as third:
            third.send(request(server, "GET", server.block_users))

            assert third.answer().status == 200
        assert second.is_closed()
        first.send(request(server, "GET", server.block_users))
        assert first.answer().status == 200


def test_a_body_without_a_token_gives_way_where_no_connection_is_idle(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, limits=LimitSettings(max_connections=1)) as server,
        Connection(server) as stranger,
    ):
        stranger.send(b"POST /webhooks/whatsapp HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n")
        stranger.send(b"X-Hub-Signature-256: sha256=" + b"0" * 64 + b"\r\n\r\n")
        assert stranger.answer().status == 100
        with Connection(server) as other:
            other.send(request(server, "GET", server.block_users))

            assert other.answer().status == 200
        assert _is_envelope(stranger.answer(), 503, 2)
        assert stranger.is_closed()


def test_a_304_has_no_content_length(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users, None, "If-None-Match: *"))

        answer = connection.answer()

        assert answer.status == 304
        assert "etag" in answer.headers
        assert answer.headers.keys().isdisjoint({"content-length", "transfer-encoding"})
        connection.send(request(server, "GET", server.block_users))
        assert connection.answer().status == 200


def test_a_place_that_became_free_is_given_to_the_next(tmp_path: Path) -> None:
    with running_server(tmp_path, limits=LimitSettings(max_connections=1)) as server:
        for _ in range(5):
            with Connection(server) as connection:
                connection.send(request(server, "GET", server.block_users, None, "Connection: close"))
                assert connection.answer().status == 200
                assert connection.is_closed()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\n bad: folded\r\n\r\n",
        b"CONNECT wablock.test:443 HTTP/1.1\r\nHost: wablock.test\r\n\r\n",
    ],
    ids=repr,
)
def test_bytes_that_are_not_http_get_a_graph_error(server: RunningServer, garbage: bytes) -> None:
    with Connection(server) as connection:
        connection.send(garbage)

        assert _is_envelope(connection.answer(), 400, 100)
        assert connection.is_closed()
