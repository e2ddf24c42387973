"""Many callers, one round trip: whoever comes while one is under way shares the next.

So what an answer says is never older than its question: a trip begins after every question in it was asked.
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
_MOST_TOGETHER = 1_000  # bounds how long one has to wait for the others


class RoundTrips(Generic[Q, A]):
    """Asks `answer` for all the questions that wait, at most `at_once` times at the same time.

    Where a group fails its questions are asked one by one, so that no question fails for another's fault.
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
        """`is_stuck`: whether who comes now would wait in vain."""
        self._answer = answer
        self._at_once = at_once
        self._most_together = most_together
        self._most_waiting = most_waiting
        self._is_stuck = is_stuck
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._asking = 0
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself does not keep them

    async def ask(self, question: Q) -> A:
        """The answer, no older than the question. Raises `Overloaded` at once where too much is waiting."""
        if len(self._waiting) >= self._most_waiting:
            raise Overloaded("Too many questions are waiting to be answered; try again.")
        if self._is_stuck():
            raise Overloaded("The database does not answer. Nothing was changed; try again.")
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
            await asyncio.sleep(0)  # requests that have arrived already come along
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most_together))]
                try:
                    await self._ask(group)
                finally:  # even a cancelled query answers its callers
                    _fail(group, BlocklistInternalError())
        finally:
            self._asking -= 1  # at once: who asks from now on starts another

    async def _ask(self, group: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._answer([question for question, _ in group])
        except (Overloaded, Unreachable) as trouble:  # who has waited behind it does not wait as long again
            _fail([*group, *self._waiting], trouble)
            self._waiting.clear()
        except Exception as trouble:
            if len(group) == 1:
                _fail(group, trouble)
            else:
                for one in group:
                    await self._ask([one])
        else:
            for (_, done), answer in zip(group, answers, strict=True):
                if not done.done():  # its caller went away
                    done.set_result(answer)


def _fail(group: Sequence[tuple[Q, asyncio.Future[A]]], trouble: Exception) -> None:
    """One exception for each caller: it remembers who raised it."""
    for _, done in group:
        if not done.done():
            error = _copied(trouble)
            error.__cause__ = trouble.__cause__ or trouble
            done.set_exception(error)


def _copied(trouble: Exception) -> GraphError:
    if isinstance(trouble, Overloaded):
        return Overloaded(trouble.details or "")
    return Unreachable() if isinstance(trouble, Unreachable) else BlocklistInternalError()
