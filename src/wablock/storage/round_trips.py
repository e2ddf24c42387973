"""Many callers, one round trip: callers that wait while one is in flight share the next.

So an answer is never older than its question: a trip begins after all of its questions have arrived.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from wablock.contract.errors import BlocklistInternalError, GraphError
from wablock.failures import Overloaded
from wablock.storage.unreachable import Unreachable

Q = TypeVar("Q")
A = TypeVar("A")

_MOST_WAITING = 20_000
_MOST_TOGETHER = 1_000  # limits how long one question waits for the others


class RoundTrips(Generic[Q, A]):
    """Calls `answer` with all the questions that wait. At most `at_once` calls run at the same time.

    If a group fails, its questions are sent one by one, so that none fails because of another.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Q]], Awaitable[Sequence[A]]],
        *,
        at_once: int,
        most_together: int = _MOST_TOGETHER,
        most_waiting: int = _MOST_WAITING,
        is_stuck: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_stuck`: whether a new question would wait for a database that does not respond."""
        self._answer = answer
        self._at_once = at_once
        self._most_together = most_together
        self._most_waiting = most_waiting
        self._is_stuck = is_stuck
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._asking = 0
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself has only weak references

    async def ask(self, question: Q) -> A:
        """The answer, which is not older than the question. Raises `Overloaded` immediately if too many wait."""
        if len(self._waiting) >= self._most_waiting:
            raise Overloaded("Too many questions are waiting to be answered. Try again.")
        if self._is_stuck():
            raise Overloaded("The database does not answer. Nothing was changed. Try again.")
        done: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, done))
        if self._asking < self._at_once:
            self._asking += 1
            task = asyncio.create_task(self._ask_all())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await done

    async def _ask_all(self) -> None:
        try:
            await asyncio.sleep(0)  # let requests that have arrived join
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most_together))]
                try:
                    await self._ask(group)
                finally:  # callers get a result also if the query is cancelled
                    _fail(group, BlocklistInternalError())
        finally:
            self._asking -= 1  # now, so that the next question starts another trip

    async def _ask(self, group: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._answer([question for question, _ in group])
        except (Overloaded, Unreachable) as error:  # waiting questions fail too: they would time out
            _fail([*group, *self._waiting], error)
            self._waiting.clear()
        except Exception as error:
            if len(group) == 1:
                _fail(group, error)
            else:
                for one in group:
                    await self._ask([one])
        else:
            for (_, done), answer in zip(group, answers, strict=True):
                if not done.done():  # its caller was cancelled
                    done.set_result(answer)


def _fail(group: Sequence[tuple[Q, asyncio.Future[A]]], cause: Exception) -> None:
    """Each caller gets its own error: `raise` changes it."""
    for _, done in group:
        if not done.done():
            error = _copied(cause)
            error.__cause__ = cause.__cause__ or cause
            done.set_exception(error)


def _copied(error: Exception) -> GraphError:
    if isinstance(error, Overloaded):
        return Overloaded(error.details or "")
    return Unreachable() if isinstance(error, Unreachable) else BlocklistInternalError()
