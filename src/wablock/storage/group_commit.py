"""Many callers, one transaction: callers that wait while a commit runs share the next one.

So N concurrent requests cost one fsync, and a single request does not wait.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from wablock.block_list.ports import Outcome
from wablock.contract.errors import BlocklistInternalError, GraphError
from wablock.failures import Overloaded

C = TypeVar("C")

_MOST_USERS_WAITING: Final = 100_000
_MOST_USERS_IN_A_BATCH: Final = 10_000  # bounds how long a small change can wait behind large ones


class CommitMeter(Protocol):
    """The receiver of the figures about commits."""

    def committed(self, changes: int) -> None:
        """A batch of so many changes was committed."""

    def refused(self) -> None:
        """A change was refused because too many wait."""


class Backlog:
    """The limit of users whose changes wait, for all groups that share it.

    `stalled_after`: after so many seconds of one commit, new changes are refused. None: they are not.
    """

    def __init__(self, most_users: int = _MOST_USERS_WAITING, stalled_after: float | None = None) -> None:
        self._most_users = most_users
        self._stalled_after = stalled_after
        self._users = 0

    def admit(self, users: int, committing_for: float) -> None:
        """Raises `Overloaded` if `users` more are too many, or if the running commit takes too long."""
        if self._users and self._users + users > self._most_users:
            raise Overloaded("Too many changes are waiting to be written. Nothing was changed. Try again.")
        if self._stalled_after is not None and committing_for > self._stalled_after:
            raise Overloaded("The database is slow to answer. Nothing was changed. Try again.")
        self._users += users

    def leave(self, users: int) -> None:
        self._users -= users


class GroupCommit(Generic[C]):
    """Forms batches for `apply_batch`, which makes one batch durable and returns an outcome for each change in it.

    An outcome may be a `GraphError`, for that change alone. Only one call of `apply_batch` runs at a time. If it fails,
    every change of the batch fails with `BlocklistInternalError`.
    """

    def __init__(
        self,
        apply_batch: Callable[[Sequence[C]], Awaitable[Sequence[Outcome | Exception]]],
        meter: CommitMeter,
        backlog: Backlog,
    ) -> None:
        self._apply_batch = apply_batch
        self._meter = meter
        self._backlog = backlog
        self._waiting: deque[tuple[C, asyncio.Future[Outcome]]] = deque()
        self._committing: asyncio.Task[None] | None = None
        self._committing_since: float | None = None

    @property
    def is_idle(self) -> bool:
        return self._committing is None

    async def submit(self, change: C) -> Outcome:
        """Returns when `change` is durable. Cancelling a caller cancels no change."""
        loop = asyncio.get_running_loop()
        since = self._committing_since
        try:
            self._backlog.admit(_users(change), 0 if since is None else loop.time() - since)
        except Overloaded:
            self._meter.refused()
            raise
        done: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((change, done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return await done

    async def drain(self) -> None:
        """Returns when no change waits."""
        while self._committing is not None:
            await asyncio.wait([self._committing])

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # let requests that have arrived join: a commit costs more than this
                self._committing_since = asyncio.get_running_loop().time()
                await self._commit(self._next_batch())
        finally:
            self._committing = self._committing_since = None

    def _next_batch(self) -> list[tuple[C, asyncio.Future[Outcome]]]:
        batch = [self._waiting.popleft()]
        users = _users(batch[0][0])
        while self._waiting and users + _users(self._waiting[0][0]) <= _MOST_USERS_IN_A_BATCH:
            batch.append(self._waiting.popleft())
            users += _users(batch[-1][0])
        self._backlog.leave(users)
        return batch

    async def _commit(self, batch: list[tuple[C, asyncio.Future[Outcome]]]) -> None:
        outcomes: Sequence[Outcome | Exception] = ()
        try:
            outcomes = await self._apply_batch([change for change, _ in batch])
            self._meter.committed(len(batch))
        except Exception as error:
            outcomes = [_internal_error(error) for _ in batch]
        finally:  # callers get a result also if the commit is cancelled
            for index, (_, done) in enumerate(batch):
                _settle(done, outcomes[index] if index < len(outcomes) else BlocklistInternalError())


def _settle(done: asyncio.Future[Outcome], outcome: Outcome | Exception) -> None:
    if done.done():  # its caller was cancelled
        return
    if isinstance(outcome, Outcome):
        done.set_result(outcome)
    elif isinstance(outcome, GraphError) and not isinstance(outcome, BlocklistInternalError):
        done.set_exception(outcome)
    else:
        done.set_exception(_internal_error(outcome))


def _internal_error(cause: Exception) -> BlocklistInternalError:
    """Each caller gets its own error: `raise` changes it."""
    error = BlocklistInternalError()
    error.__cause__ = cause.__cause__ or cause
    return error


def _users(change: object) -> int:
    return len(getattr(change, "members", "1"))
