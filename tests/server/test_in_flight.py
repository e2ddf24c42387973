"""A coroutine that is stepped by hand behaves as in a task from the beginning."""

import asyncio
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.applications import a_turn, get, serving_application, text
from tests.server.raw_http import Connection

from wablock.server.answers import Answer
from wablock.server.protocol.in_flight import InFlight
from wablock.server.request import Request

_STEPS: Final = ("nothing", "result", "error", "caught error", "cancelled", "caught cancellation", "deeper", "closing")


class _Script:
    """A coroutine that does what `steps` say, and what came of it."""

    def __init__(self, steps: list[str]) -> None:
        self._steps = steps
        self.events: list[str] = []
        self.has_ended = False

    async def run(self) -> str:
        try:
            for step in self._steps:
                await self._take(step)
        finally:
            self.has_ended = True
        return f"returned after {len(self.events)}"

    async def _take(self, step: str) -> None:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        try:
            if step == "nothing":
                await asyncio.sleep(0)
            elif step == "result":
                loop.call_soon(future.set_result, "result")
                self.events.append(await future)
            elif "error" in step:
                loop.call_soon(future.set_exception, ValueError("error"))
                await future
            elif "cancel" in step:
                loop.call_soon(future.cancel)
                await future
            elif step == "deeper":
                self.events.append(await asyncio.create_task(asyncio.sleep(0, "deeper")))
            else:
                loop.call_soon(future.set_result, "closed")
        except (ValueError, asyncio.CancelledError) as error:
            self.events.append(type(error).__name__)
            if "caught" not in step:
                raise
        finally:
            if step == "closing":
                self.events.append(await future)


async def _stepped(script: _Script, cancelled_after: int | None) -> object:
    """Step it by hand for as long as `script` waits for futures."""
    loop = asyncio.get_running_loop()
    in_flight: InFlight[str] = InFlight()
    ended: asyncio.Future[str | BaseException] = loop.create_future()
    coroutine = script.run()
    try:
        waits_for = coroutine.send(None)
    except StopIteration as done:
        return done.value, script.events
    in_flight.finish(coroutine, waits_for, ended.set_result)
    if cancelled_after is not None:
        for _ in range(cancelled_after):
            await asyncio.sleep(0)
        await in_flight.cancel()
    return _named(await ended), script.events


async def _in_task(script: _Script, cancelled_after: int | None) -> object:
    task = asyncio.create_task(script.run())
    if cancelled_after is not None:
        for _ in range(cancelled_after + 1):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait([task])
    if task.cancelled():
        return _named(asyncio.CancelledError()), script.events
    return _named(task.exception() or task.result()), script.events


def _named(outcome: str | BaseException) -> str:
    return outcome if isinstance(outcome, str) else type(outcome).__name__


@given(st.lists(st.sampled_from(_STEPS), max_size=6))
def test_a_coroutine_returns_and_raises_the_same_by_hand_and_in_a_task(steps: list[str]) -> None:
    async def both() -> tuple[object, object]:
        return await _in_task(_Script(steps), None), await _stepped(_Script(steps), None)

    in_task, stepped = asyncio.run(both())

    assert stepped == in_task


@pytest.mark.parametrize("waits_again", [False, True])
async def test_a_coroutine_whose_future_is_just_done_ends_once_when_it_is_cancelled(*, waits_again: bool) -> None:
    loop = asyncio.get_running_loop()
    first, second = loop.create_future(), loop.create_future()

    async def coroutine() -> str:
        await first
        if waits_again:
            await second
        return "result"

    in_flight: InFlight[str] = InFlight()
    outcomes: list[str | BaseException] = []
    stepped = coroutine()
    in_flight.finish(stepped, stepped.send(None), outcomes.append)
    first.set_result(None)
    await in_flight.cancel()
    await a_turn()

    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError]


@given(st.lists(st.sampled_from(_STEPS), min_size=1, max_size=6), st.integers(0, 6))
def test_a_coroutine_that_is_stepped_by_hand_ends_when_it_is_cancelled(steps: list[str], cancelled_after: int) -> None:
    script = _Script(steps)

    async def cancelled() -> object:
        async with asyncio.timeout(5):
            return await _stepped(script, cancelled_after)

    asyncio.run(cancelled())

    assert script.has_ended


async def test_a_coroutine_that_waits_for_ever_is_cancelled() -> None:
    in_flight: InFlight[None] = InFlight()
    outcomes: list[object] = []
    cleaned_up = []

    async def waiting() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0.001)
            cleaned_up.append(True)

    coroutine = waiting()
    in_flight.finish(coroutine, coroutine.send(None), outcomes.append)
    await in_flight.cancel()

    assert cleaned_up == [True]
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError]


def test_a_request_runs_without_a_task_until_it_needs_one() -> None:
    has_task = []

    async def application(_: Request) -> Answer:
        has_task.append(asyncio.current_task() is not None)
        await a_turn()
        has_task.append(asyncio.current_task() is not None)
        await asyncio.sleep(0)
        has_task.append(asyncio.current_task() is not None)
        return text("answer")

    with serving_application(application) as server, Connection(server) as connection:
        connection.send(get() * 3)
        for _ in range(3):
            connection.answer()

    assert has_task == [False, False, True] * 3


def test_a_time_out_ends_a_request_that_waits_behind_another() -> None:
    async def application(request: Request) -> Answer:
        if request.path == "/first":
            await a_turn()
            return text("first")
        if asyncio.current_task() is None:  # as the PostgreSQL store does
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0.05):
                await asyncio.Event().wait()
        except TimeoutError:
            return text("in time")
        return text("too late")

    with serving_application(application) as server, Connection(server) as connection:
        connection.send(get("/first") + get("/second"))

        assert connection.answer().body == b"first"
        assert connection.answer().body == b"in time"
