"""The connection that is closed when all places are taken: an idle one, never one with a request at work."""

import asyncio
import threading
from pathlib import Path

from tests.running_server import running_server
from tests.server.applications import a_turn, get, post, serving_application, text
from tests.server.raw_http import Connection, request

from wablock.failures import Overloaded
from wablock.server.answers import Answer
from wablock.server.request import Request
from wablock.settings import LimitSettings


async def _later(_: Request) -> Answer:
    await a_turn()
    return text("answer")


async def _proven(request: Request) -> Answer:
    await a_turn()  # a lookup of the token may take as long
    return text(f"{len(await request.body(1_000, proven=True))}")


def test_half_a_head_behind_an_answered_request_gives_way() -> None:
    with serving_application(_later, LimitSettings(max_connections=1)) as server, Connection(server) as first:
        first.send(get() + b"GET / HT")
        assert first.answer().body == b"answer"
        with Connection(server) as second:
            second.send(get())

            assert second.answer().status == 200
        assert first.is_closed()


def test_half_a_body_of_an_answered_request_gives_way() -> None:
    with serving_application(_later, LimitSettings(max_connections=1)) as server, Connection(server) as first:
        first.send(post(b"half", length=8))
        assert first.answer().body == b"answer"
        with Connection(server) as second:
            second.send(get())

            assert second.answer().status == 200
        assert first.is_closed()


def test_a_body_with_a_token_does_not_give_way_if_the_token_had_to_be_looked_up() -> None:
    with serving_application(_proven, LimitSettings(max_connections=1)) as server, Connection(server) as first:
        head, body = post(b"whole").replace(b"\r\nHost", b"\r\nExpect: 100-continue\r\nHost").split(b"\r\n\r\n")
        first.send(head + b"\r\n\r\n")
        assert first.answer().status == 100
        with Connection(server) as second:
            assert second.answer().status == 503
        first.send(body)

        assert first.answer().body == b"5"


def test_a_body_with_a_token_does_not_give_way_on_any_path(tmp_path: Path) -> None:
    with running_server(tmp_path, limits=LimitSettings(max_connections=1)) as server, Connection(server) as first:
        path = f"/v1/numbers/{server.phone_number_id}/last_inbound"
        whole = request(server, "PUT", path, b'{"users":["+16505550101"]}', "Expect: 100-continue")
        head, body = whole.split(b"\r\n\r\n")
        first.send(head + b"\r\n\r\n")
        assert first.answer().status == 100
        with Connection(server) as second:
            assert second.answer().status == 503
        first.send(body)

        assert first.answer().status == 200


def test_a_request_that_does_not_wait_for_its_body_does_not_give_way() -> None:
    is_at_work, may_end = threading.Event(), threading.Event()

    async def working(_: Request) -> Answer:
        is_at_work.set()
        await asyncio.to_thread(may_end.wait, 30)
        return text("answer")

    with serving_application(working, LimitSettings(max_connections=1)) as server, Connection(server) as first:
        first.send(post(b"half", length=8))
        assert is_at_work.wait(30)
        with Connection(server) as second:
            assert second.answer().status == 503
        may_end.set()

        assert first.answer().body == b"answer"


def test_a_body_without_a_token_gives_way_while_it_is_awaited() -> None:
    async def reading(request: Request) -> Answer:
        await a_turn()
        try:
            await request.body(1_000)
        except Overloaded:
            return text("gave way")
        return text("answer")

    with serving_application(reading, LimitSettings(max_connections=1)) as server, Connection(server) as first:
        first.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\n")
        assert first.answer().status == 100
        with Connection(server) as second:
            second.send(get())

            assert second.answer().body == b"answer"
        assert first.answer().body == b"gave way"
        assert first.is_closed()
