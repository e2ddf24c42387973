"""Many callers, one transaction: whoever waits while a commit runs shares the next one.

So N concurrent requests cost one fsync, and a lone one waits for nobody.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from wablock.block_list.ports import Carry, Change, Outcome, Sweep
from wablock.contract.errors import BlocklistInternalError, GraphError, Overloaded

ApplyBatch = Callable[[Sequence[Change]], Awaitable[Sequence[Outcome | Exception]]]

_MOST_USERS_WAITING = 100_000
_MOST_USERS_IN_A_BATCH = 10_000  # bounds how long a small change can wait behind large ones


class CommitMeter(Protocol):
    """What can be seen of the commits."""

    def committed(self, changes: int) -> None:
        """A batch of so many changes is done."""

    def refused(self) -> None:
        """A change was refused because too much is waiting."""


class GroupCommit:
    """Forms batches for `apply_batch`, which makes one batch durable and gives an outcome for each change in it.

    A `GraphError` among the outcomes is that change's alone. `apply_batch` is never called twice at a time. Where it
    raises, every change of its batch fails with `BlocklistInternalError`.
    """

    def __init__(self, apply_batch: ApplyBatch, meter: CommitMeter, most_waiting: int = _MOST_USERS_WAITING) -> None:
        self._apply_batch = apply_batch
        self._meter = meter
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[Change, asyncio.Future[Outcome]]] = deque()
        self._users_waiting = 0
        self._committing: asyncio.Task[None] | None = None

    async def submit(self, change: Change) -> Outcome:
        """Returns once `change` is durable. A caller that is cancelled meanwhile takes nobody along, nor its change."""
        users = _users(change)
        if self._users_waiting and self._users_waiting + users > self._most_waiting:
            self._meter.refused()
            raise Overloaded("Too many changes are waiting to be written. Nothing was changed; try again.")
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, done))
        self._users_waiting += users
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return await done

    async def drain(self) -> None:
        """Returns once nothing waits."""
        while self._committing is not None:
            await asyncio.wait([self._committing])

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # requests that have arrived already come along: a commit costs more than a look
                await self._commit(self._next_batch())
        finally:
            self._committing = None

    def _next_batch(self) -> list[tuple[Change, asyncio.Future[Outcome]]]:
        batch = [self._waiting.popleft()]
        users = _users(batch[0][0])
        while self._waiting and users + _users(self._waiting[0][0]) <= _MOST_USERS_IN_A_BATCH:
            batch.append(self._waiting.popleft())
            users += _users(batch[-1][0])
        self._users_waiting -= users
        return batch

    async def _commit(self, batch: list[tuple[Change, asyncio.Future[Outcome]]]) -> None:
        outcomes: Sequence[Outcome | Exception] = ()
        try:
            outcomes = await self._apply_batch([change for change, _ in batch])
            self._meter.committed(len(batch))
        except Exception as trouble:
            outcomes = [_internal_error(trouble) for _ in batch]
        finally:  # even a cancelled commit answers its callers
            for index, (_, done) in enumerate(batch):
                _settle(done, outcomes[index] if index < len(outcomes) else BlocklistInternalError())


def _settle(done: asyncio.Future[Outcome], outcome: Outcome | Exception) -> None:
    if done.done():  # its caller went away
        return
    if isinstance(outcome, Outcome):
        done.set_result(outcome)
    elif isinstance(outcome, GraphError) and not isinstance(outcome, BlocklistInternalError):
        done.set_exception(outcome)
    else:
        done.set_exception(_internal_error(outcome))


def _internal_error(trouble: Exception) -> BlocklistInternalError:
    """One for each caller: an exception remembers who raised it."""
    error = BlocklistInternalError()
    error.__cause__ = trouble.__cause__ or trouble
    return error


def _users(change: Change) -> int:
    return 1 if isinstance(change, Sweep | Carry) else len(change.members)
