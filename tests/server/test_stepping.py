"""The first step of a coroutine by hand: what follows it goes on as if it had been awaited from the beginning."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from tests.server.applications import get, serving_application, text
from tests.server.raw_http import Connection

from wablock.server.answers import Answer
from wablock.server.protocol.stepping import Rest
from wablock.server.request import Request

_STEPS: Final = ("nothing", "result", "error", "caught error", "cancelled", "caught cancellation", "deeper", "closing")


class _Script:
    """A coroutine that does what `steps` say, and what came of it."""

    def __init__(self, steps: list[str]) -> None:
        self._steps = steps
        self.events: list[str] = []

    async def run(self) -> str:
        for step in self._steps:
            await self._take(step)
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


async def _stepped(script: _Script) -> str:
    coroutine = script.run()
    try:
        waits_for = coroutine.send(None)
    except StopIteration as done:
        result: str = done.value
        return result
    return await Rest(coroutine, waits_for)


async def _outcome(run: Callable[[_Script], Awaitable[str]], steps: list[str], cancelled_after: int | None) -> object:
    script = _Script(steps)

    async def running() -> str:
        return await run(script)

    task = asyncio.create_task(running())
    if cancelled_after is not None:
        for _ in range(cancelled_after + 1):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait([task])
    if task.cancelled():
        return "cancelled", script.events
    error = task.exception()
    return (repr(error) if error else task.result()), script.events


@given(st.lists(st.sampled_from(_STEPS), max_size=6), st.none() | st.integers(0, 6))
def test_the_rest_of_a_coroutine_goes_on_as_if_awaited(steps: list[str], cancelled_after: int | None) -> None:
    async def both() -> tuple[object, object]:
        awaited = await _outcome(_Script.run, steps, cancelled_after)
        return awaited, await _outcome(_stepped, steps, cancelled_after)

    awaited, stepped = asyncio.run(both())

    assert stepped == awaited


def test_every_request_takes_its_first_step_without_a_task() -> None:
    has_task = []

    async def application(_: Request) -> Answer:
        has_task.append(asyncio.current_task() is not None)
        await asyncio.sleep(0.01)
        has_task.append(asyncio.current_task() is not None)
        return text("answer")

    with serving_application(application) as server, Connection(server) as connection:
        connection.send(get() * 3)
        for _ in range(3):
            connection.answer()

    assert has_task == [False, True] * 3


def test_a_time_out_ends_a_request_that_waits_behind_another() -> None:
    async def application(request: Request) -> Answer:
        if request.path == "/first":
            await asyncio.sleep(0.01)
            return text("first")
        if asyncio.current_task() is None:  # as the PostgreSQL store does
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0.05):
                await asyncio.sleep(10)
        except TimeoutError:
            return text("in time")
        return text("too late")

    with serving_application(application) as server, Connection(server) as connection:
        connection.send(get("/first") + get("/second"))

        assert connection.answer().body == b"first"
        assert connection.answer().body == b"in time"
