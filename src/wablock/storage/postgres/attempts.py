"""Work that may wait for a worker of a Citus cluster, and whose callers must not."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from wablock.contract.errors import GraphError

_log = logging.getLogger("wablock.storage")

PATIENCE: Final = 0.2  # seconds that a caller waits
_BETWEEN_ATTEMPTS: Final = 1.0  # seconds, for one subject, after a worker did not respond


class Attempts:
    """Attempts that go on when their callers stop waiting. Each has a subject, such as an account."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._next: dict[str, float] = {}
        """The subjects with a worker that did not respond just now, each with the time of the next attempt."""

    def may_begin(self, subject: str) -> bool:
        """Whether an attempt may succeed: none has just failed."""
        now = asyncio.get_running_loop().time()
        return now >= self._next.get(subject, now)

    async def make(self, subject: str, work: Coroutine[Any, Any, None], patience: float = PATIENCE) -> bool:
        """Whether `work` is done soon. If not, it goes on."""
        began = asyncio.get_running_loop().time()
        attempt = asyncio.create_task(work)
        self._running.add(attempt)
        attempt.add_done_callback(self._ended)
        await asyncio.wait([attempt], timeout=patience)
        if attempt.cancelled():  # the store is being closed
            return False
        if attempt.done() and not isinstance(error := attempt.exception(), GraphError):
            self._next.pop(subject, None)
            if error is not None:
                raise error
            return True
        self._next[subject] = began + patience + _BETWEEN_ATTEMPTS
        return False

    async def close(self) -> None:
        """End the attempts that still wait for a worker."""
        for attempt in self._running:
            attempt.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, attempt: asyncio.Task[None]) -> None:
        self._running.discard(attempt)
        if not attempt.cancelled() and not isinstance(error := attempt.exception(), GraphError | None):
            _log.error("an attempt failed: %s", type(error).__name__)
