"""Handlers in flight: coroutines that have taken their first step and have not returned.

A coroutine that only awaits futures needs no task: its next step runs when the future is done. This saves a tenth of a
short request. A coroutine that needs a task, for example for `asyncio.timeout`, first awaits `asyncio.sleep(0)`: a bare
yield.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class InFlight(Generic[T]):
    """All handlers in flight of one server, and other work that ends when the server stops."""

    def __init__(self) -> None:
        self._waiting: set[_WaitingHandler[T]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def finish(
        self, coroutine: Coroutine[Any, Any, T], waits_for: Any, ended: Callable[[T | BaseException], None]
    ) -> None:
        """Run the rest of `coroutine`, whose last step yielded `waits_for`.

        Then call `ended` with the value that it returned or the error that it raised.
        """
        if getattr(waits_for, "_asyncio_future_blocking", False):  # tasks recognise an awaited future by this
            self._waiting.add(_WaitingHandler(self, coroutine, waits_for, ended))
        else:
            self.run(_finished(coroutine, waits_for, ended))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def resume(self, handler: "_WaitingHandler[T]") -> None:
        """Take the next step of a coroutine whose future is done."""
        if handler not in self._waiting:  # `cancel` gave the coroutine to a task after the future was done
            return
        self._waiting.remove(handler)
        try:
            waits_for = handler.coroutine.send(None)
        except StopIteration as done:
            handler.ended(done.value)
        except (Exception, asyncio.CancelledError) as error:
            handler.ended(error)
        else:
            self.finish(handler.coroutine, waits_for, handler.ended)

    async def cancel(self) -> None:
        """Cancel everything, and return once nothing runs."""
        for handler in self._waiting:
            handler.leave()
            self.run(_finished(handler.coroutine, handler.future, handler.ended))
        self._waiting.clear()
        await asyncio.sleep(0)  # a task that is cancelled before its first step never runs its coroutine
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _WaitingHandler(Generic[T]):
    """A coroutine that waits for a future."""

    __slots__ = ("_in_flight", "coroutine", "ended", "future")

    def __init__(
        self,
        in_flight: InFlight[T],
        coroutine: Coroutine[Any, Any, T],
        future: Any,
        ended: Callable[[T | BaseException], None],
    ) -> None:
        self._in_flight = in_flight
        self.coroutine = coroutine
        self.future = future
        self.ended = ended
        future._asyncio_future_blocking = False  # noqa: SLF001 - as every task does with the future that it awaits
        future.add_done_callback(self)

    def __call__(self, _: object) -> None:
        self._in_flight.resume(self)

    def leave(self) -> None:
        """Stop waiting: a task takes over."""
        self.future.remove_done_callback(self)
        self.future._asyncio_future_blocking = True  # noqa: SLF001


async def _finished(
    coroutine: Coroutine[Any, Any, T], waits_for: Any, ended: Callable[[T | BaseException], None]
) -> None:
    try:
        result = await Rest(coroutine, waits_for)
    except asyncio.CancelledError as error:
        ended(error)
        raise
    except Exception as error:
        ended(error)
    else:
        ended(result)


class Rest(Generic[T]):
    """The rest of a coroutine that has taken a step. A task awaits it."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], waits_for: Any) -> None:
        """`waits_for`: what that step yielded."""
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        """Continue the coroutine as `yield from` would."""
        coroutine, waits_for = self._coroutine, self._waits_for
        while True:
            try:
                try:
                    value = yield waits_for
                except BaseException as error:  # such as the cancellation of its task
                    waits_for = coroutine.throw(error)
                else:
                    waits_for = coroutine.send(value)
            except StopIteration as done:
                result: T = done.value
                return result
