"""Recorded requests of real clients: each is answered, however a network cuts it."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.running_server import RunningServer, running_server
from tests.server.pieces import by_line, bytewise, send, whole
from tests.server.raw_http import Answer, Connection, block, request

from wablock.settings import LimitSettings

RECORDED: Final = Path(__file__).parent / "client_bytes" / "recorded"
UNFRAMED: Final = RECORDED / "node-http-DELETE-unframed.http"
RECORDINGS: Final = sorted(set(RECORDED.glob("*.http")) - {UNFRAMED})
WAITING: Final = sorted(RECORDED.glob("*-expect.http"))

USER: Final = "16505550101"
USERS: Final = [{"input": f"+{USER}", "wa_id": USER}]

_LENGTH: Final = re.compile(rb"\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    limits = LimitSettings(max_body=2_000_000)  # curl waits for 100 before a body past 1 MiB
    with running_server(tmp_path_factory.mktemp("server"), limits=limits) as running:
        yield running


@pytest.mark.parametrize("cut", [whole, by_line, bytewise])
@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.stem)
def test_a_clients_request_is_answered_in_any_pieces(
    shared: RunningServer, recording: Path, cut: Callable[[bytes], Iterator[bytes]]
) -> None:
    data = recorded(recording)
    method = data.split(maxsplit=1)[0].decode()
    change(shared, "DELETE" if method == "POST" else "POST")

    with Connection(shared) as connection:
        send(connection, cut(data))
        answer = connection.final_answer(to_head=method == "HEAD")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert is_documented(answer, method)
    assert is_blocked(shared) == (method != "DELETE")


@settings(deadline=None, max_examples=50)
@given(recording=st.sampled_from(RECORDINGS), places=st.lists(st.integers(1, 400), max_size=6))
def test_a_request_is_answered_wherever_it_is_cut(shared: RunningServer, recording: Path, places: list[int]) -> None:
    data = recorded(recording)
    change(shared, "POST")
    edges = [0, *sorted(set(places)), len(data)]

    with Connection(shared) as connection:
        send(connection, (data[start:end] for start, end in pairwise(edges)))
        answer = connection.final_answer(to_head=recording.stem.endswith("HEAD"))

    assert answer.status == 200


@pytest.mark.parametrize("recording", WAITING, ids=lambda recording: recording.stem)
def test_a_client_that_waits_for_100_gets_it(shared: RunningServer, recording: Path) -> None:
    head, blank_line, body = recorded(recording).partition(b"\r\n\r\n")
    change(shared, "DELETE")

    with Connection(shared) as connection:
        connection.send(head + blank_line)
        assert connection.answer().status == 100
        connection.send(body)

        assert is_documented(connection.answer(), "POST")


def test_a_body_without_a_length_is_not_read(shared: RunningServer) -> None:
    """Node's http sends the body of a DELETE like this. A server that reads it has to guess its end."""
    change(shared, "POST")
    with Connection(shared) as connection:
        connection.send(recorded(UNFRAMED))

        assert connection.answer().status == 400
        connection_ends(connection)
    assert is_blocked(shared)


def test_every_client_and_method_is_recorded() -> None:
    stems = {recording.stem for recording in RECORDINGS}
    clients = ("curl", "http.client", "urllib", "urllib3", "requests", "httpx2", "aiohttp", "node-fetch", "node-http")
    others = ("java-httpclient", "java-urlconnection", "go-net", "php-curl", "php-streams")

    wanted = {f"{client}-{method}" for client in clients + others for method in ("GET", "POST", "DELETE")}

    assert wanted <= stems


def recorded(recording: Path) -> bytes:
    """The request, with the spaces that its file omits."""
    head, blank_line, body = recording.read_bytes().partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    left_out = int(length[1]) - len(body) if length else 0
    return head + blank_line + b" " * left_out + body


def change(server: RunningServer, method: str) -> None:
    """Block or unblock the user; it may be in that state already."""
    with Connection(server) as connection:
        connection.send(request(server, method, server.block_users, block(USER)))
        assert connection.answer().status in {200, 400}


def is_blocked(server: RunningServer) -> bool:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users))
        return bool(connection.answer().json["data"])


def is_documented(answer: Answer, method: str) -> bool:
    """Whether it has the body that Meta documents."""
    if method == "HEAD":
        return answer.body == b"" and int(answer.headers["content-length"]) > 0
    if method == "GET":
        return list(answer.json) == ["data", "paging"] and answer.json["data"][0]["wa_id"] == USER
    outcome = {"POST": "added_users", "DELETE": "removed_users"}[method]
    return bool(answer.json == {"messaging_product": "whatsapp", "block_users": {outcome: USERS}})


def connection_ends(connection: Connection) -> None:
    """Return when it is closed; before that, the server may refuse the bytes that it reads as another request."""
    try:
        assert connection.answer().status == 400
    except ConnectionError:
        return
    assert connection.is_closed()
