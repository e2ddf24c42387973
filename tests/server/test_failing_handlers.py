"""Handlers that raise an error without an answer: their connection ends, and nothing of their request remains."""

import asyncio
from collections.abc import Callable

import pytest
from tests.server.applications import Pieces, a_turn, get, post, serving_application, streamed, text
from tests.server.raw_http import Connection

from wablock.server.answers import Answer
from wablock.server.request import HangUp, Request
from wablock.settings import LimitSettings


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("error", [asyncio.CancelledError, RuntimeError, HangUp], ids=lambda it: it.__name__)
def test_a_connection_ends_whose_handler_raises(error: Callable[[], BaseException], *, waits: bool) -> None:
    async def failing(_: Request) -> Answer:
        if waits:
            await a_turn()
        raise error()

    with serving_application(failing) as server, Connection(server) as connection:
        connection.send(get())

        assert connection.is_closed()


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("error", [asyncio.CancelledError, RuntimeError, HangUp], ids=lambda it: it.__name__)
def test_a_request_that_waits_behind_a_failing_one_is_not_answered(
    error: Callable[[], BaseException], *, waits: bool
) -> None:
    async def application(request: Request) -> Answer:
        if request.path == "/slow":
            await a_turn()
            return text("slow")
        if request.path == "/failing":
            if waits:
                await a_turn()
            raise error()
        return text("behind")

    with serving_application(application) as server, Connection(server) as connection:
        connection.send(get("/slow") + get("/failing") + get("/behind"))

        assert connection.answer().body == b"slow"
        assert connection.is_closed()


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("error", [asyncio.CancelledError, RuntimeError, HangUp], ids=lambda it: it.__name__)
def test_the_body_of_a_request_without_an_answer_is_freed(error: Callable[[], BaseException], *, waits: bool) -> None:
    async def failing(request: Request) -> Answer:
        if waits:
            await a_turn()
        if request.path == "/failing":
            raise error()
        return text(f"{len(await request.body(1_000, proven=True))}")

    with serving_application(failing, LimitSettings(max_bodies=2_000)) as server:
        for _ in range(4):
            with Connection(server) as connection:
                connection.send(post(b"x" * 800, path="/failing"))
                assert connection.is_closed()
        with Connection(server) as connection:
            connection.send(post(b"x" * 800))

            assert connection.answer().body == b"800"


@pytest.mark.parametrize("error", [asyncio.CancelledError, RuntimeError], ids=lambda it: it.__name__)
def test_a_stream_that_raises_ends_its_connection(error: Callable[[], BaseException]) -> None:
    async def failing(_: Request) -> Answer:
        return streamed(Pieces(b"half", error=error()), (b"content-length", b"8"))

    with serving_application(failing) as server, Connection(server) as connection:
        connection.send(get() + get())  # one piece: a request after the close would cause a reset

        with pytest.raises(ConnectionError, match="half"):
            connection.answer()


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
def test_a_stream_that_cannot_be_closed_ends_its_connection(*, waits: bool) -> None:
    async def failing(_: Request) -> Answer:
        if waits:
            await a_turn()
        return streamed(Pieces(b"whole", closing_error=RuntimeError("no")), (b"content-length", b"5"))

    with serving_application(failing) as server, Connection(server) as connection:
        connection.send(get())

        assert connection.answer().body == b"whole"
        assert connection.is_closed()
