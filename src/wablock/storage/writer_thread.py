"""One thread that does blocking work for the event loop. If it dies, its job fails, and its caller does not hang."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from wablock.contract.errors import BlocklistInternalError

T = TypeVar("T")

_LOOK_EVERY = 0.1  # seconds between checks that the thread is alive, while a job waits


class WriterThread:
    """Runs jobs one at a time, in order. A dead thread is replaced at the next job."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, job: Callable[[], T]) -> T:
        """Return or raise what `job` does. `BlocklistInternalError`: the thread died, and the result is unknown."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = job()
            except Exception as error:  # raised at the caller
                _notify(loop, _fail, done, error)
            else:
                _notify(loop, _succeed, done, result)

        thread = self._alive()
        self._jobs.put(work)
        watch = loop.call_later(_LOOK_EVERY, self._look, thread, done)
        try:
            return await done
        finally:
            watch.cancel()

    def start(self, job: Callable[[], None]) -> None:
        """Do `job` before all jobs that follow. It must not raise."""
        self._alive()
        self._jobs.put(job)

    def close(self) -> None:
        """Returns when all jobs are done."""
        if self._thread is not None and self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()

    def _alive(self) -> threading.Thread:
        if self._thread is None or not self._thread.is_alive():
            self._jobs = queue.SimpleQueue()  # the jobs of a dead thread have failed already
            self._thread = threading.Thread(target=_work, args=(self._jobs,), name=self._name, daemon=True)
            self._thread.start()
        return self._thread

    def _look(self, thread: threading.Thread, done: asyncio.Future[T]) -> None:
        if done.done():
            return
        if thread.is_alive():
            done.get_loop().call_later(_LOOK_EVERY, self._look, thread, done)
        else:
            done.set_exception(BlocklistInternalError())


def _work(jobs: "queue.SimpleQueue[Callable[[], None] | None]") -> None:
    while (job := jobs.get()) is not None:
        job()


def _notify(loop: asyncio.AbstractEventLoop, notify: Callable[..., None], *args: object) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: no caller waits
        loop.call_soon_threadsafe(notify, *args)


def _succeed(done: asyncio.Future[T], result: T) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[T], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
