"""Worker processes on one socket: the parent starts them, replaces those that die, and stops them all.

The parent answers no requests itself. A worker notices the end of its parent because the pipe between them breaks.
"""

import contextlib
import logging
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final

from wablock.server import worker_messages
from wablock.server.summed_counts import Counts, lasting, summed
from wablock.server.worker_messages import (
    CannotStart,
    GatheredReplies,
    Listening,
    ParentPipe,
    ReplyRequest,
    WorkerQuestion,
    WorkerReply,
)

_log = logging.getLogger("wablock.server")

_SETTLED_AFTER: Final = 10.0  # seconds; if a worker ends sooner after its start, its start counts as failed
_LONGEST_PAUSE: Final = 30.0
_MOST_FAILURES: Final = 5  # failed starts in a row, while no worker listens
_ANSWERED_WITHIN: Final = 1.0  # seconds; for a worker that does not reply, its last known counts are used

Work = Callable[[ParentPipe], None]
"""The function that a worker runs until it is stopped. It must be picklable: workers are new processes, not forks."""


class WorkersFailed(Exception):
    """No worker can serve. The message is one line with the reason."""


class _Worker:
    def __init__(self, work: Work, now: float) -> None:
        ours, theirs = multiprocessing.Pipe()
        self.connection: Connection = ours
        self.process: SpawnProcess = multiprocessing.get_context("spawn").Process(target=_begin, args=(work, theirs))
        self.started_at = now
        self.is_listening = False
        self.counts: Counts = ()
        try:
            with _without_interrupts():
                self.process.start()
        finally:
            theirs.close()  # otherwise the pipe would not break when the worker ends

    def send(self, message: ReplyRequest | GatheredReplies) -> None:
        with contextlib.suppress(OSError):  # if the worker has ended, `_receive` notices it
            self.connection.send(message)


class _WorkerSlot:
    """The place of one worker. It is filled again after a pause, which grows while its workers die early."""

    def __init__(self) -> None:
        self.worker: _Worker | None = None
        self.failures = 0
        self.due = 0.0

    def empty(self, now: float, first_pause: float, *, settled: bool) -> None:
        self.worker = None
        self.failures = 0 if settled else self.failures + 1
        self.due = now if settled else now + min(first_pause * 2 ** (self.failures - 1), _LONGEST_PAUSE)


class Workers:
    """A fixed number of processes that run `work`. `work` contains the socket on which they listen."""

    def __init__(self, number: int, work: Work, *, grace_seconds: float, first_pause: float = 0.5) -> None:
        """`grace_seconds`: how long a worker may take to stop."""
        self._work = work
        self._grace_seconds = grace_seconds
        self._first_pause = first_pause
        self._slots = [_WorkerSlot() for _ in range(number)]
        self._failures = 0  # failed starts in a row
        self._reason = ""
        self._is_announced = self._is_ending = False
        self._ended_counts: Counts = ()
        self._gather_requests: list[tuple[_Worker, WorkerQuestion]] = []
        self._request_number = 0

    def run(self, listener: socket.socket, listening: Callable[[], None]) -> None:
        """Keep the workers running until SIGINT or SIGTERM. Then let them finish the requests in flight, and return.

        `listening` is called once all of them listen. Closes `listener`. Raises `WorkersFailed` if no worker can serve.
        """
        with _stop_signals() as stop:
            try:
                while not stop.poll():
                    self._fill()
                    self._handle_messages(
                        stop, until=min((it.due for it in self._slots if it.worker is None), default=None)
                    )
                    self._raise_if_none_can_serve()
                    if not self._is_announced and self._all_listen():
                        self._is_announced = True
                        listening()
            finally:
                listener.close()  # while any copy is open, the system accepts connections that no worker would answer
                self._end()

    def _all_listen(self) -> bool:
        return all(it.worker is not None and it.worker.is_listening for it in self._slots)

    def _fill(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.worker is None and slot.due <= now:
                try:
                    slot.worker = _Worker(self._work, now)
                except OSError as error:  # no memory or no process is left
                    self._failed(str(error))
                    slot.empty(now, self._first_pause, settled=False)

    def _handle_messages(self, *others: Connection, until: float | None) -> None:
        """Wait for messages until the time `until`, and handle them."""
        slots = {it.worker.connection: it for it in self._slots if it.worker is not None}
        timeout = None if until is None else max(0.0, until - time.monotonic())
        for ready in wait([*others, *slots], timeout):
            if isinstance(ready, Connection) and ready in slots:
                self._receive(slots[ready])
        requests, self._gather_requests = self._gather_requests, []
        for worker, question in requests:
            worker.send(GatheredReplies(self._gathered(question)))

    def _receive(self, slot: _WorkerSlot) -> Any:
        """Read and handle one message of a worker, and return it; None if the worker has ended."""
        worker = slot.worker
        assert worker is not None  # noqa: S101 - for the type checker: only slots with a worker are read
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._remove(slot, worker)
            return None
        if isinstance(message, Listening):
            worker.is_listening = True
            self._failures, self._reason = 0, ""
        elif isinstance(message, CannotStart):
            self._reason = message.reason
        elif isinstance(message, WorkerReply):
            if isinstance(message.question, worker_messages.CountsQuestion):
                worker.counts = message.answer
        else:
            self._gather_requests.append((worker, message.question))
        return message

    def _remove(self, slot: _WorkerSlot, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        now = time.monotonic()
        status = worker.process.exitcode
        self._ended_counts = summed([self._ended_counts, lasting(worker.counts)])
        slot.empty(now, self._first_pause, settled=worker.is_listening and now - worker.started_at > _SETTLED_AFTER)
        if not worker.is_listening:
            self._failed(f"A worker ended with status {status} before it listened; its log has the reason")
        elif not self._is_ending:
            report = {"pid": worker.process.pid, "status": status, "next_in": round(slot.due - now, 2)}
            _log.warning("a worker ended; a new one replaces it", extra=report)

    def _failed(self, reason: str) -> None:
        self._failures += 1
        self._reason = self._reason or reason
        if self._is_announced and not self._is_ending:
            _log.warning("a worker could not start; wablock tries again: %s", self._reason)

    def _raise_if_none_can_serve(self) -> None:
        if any(it.worker is not None and it.worker.is_listening for it in self._slots) and self._is_announced:
            return
        if self._failures >= (_MOST_FAILURES if self._is_announced else 1):
            raise WorkersFailed(self._reason)

    def _gathered(self, question: WorkerQuestion) -> list[Any]:
        """The replies of all workers. Counts include those of workers that have ended."""
        replies = self._request_replies(question)
        if isinstance(question, worker_messages.CountsQuestion):
            return [self._ended_counts, *(it.worker.counts for it in self._slots if it.worker is not None)]
        return replies

    def _request_replies(self, question: WorkerQuestion) -> list[Any]:
        """The replies of all workers that listen and reply in time."""
        self._request_number += 1
        waiting = {it.worker.connection: it for it in self._slots if it.worker is not None and it.worker.is_listening}
        for slot in waiting.values():
            if slot.worker is not None:
                slot.worker.send(ReplyRequest(self._request_number, question))
        replies = []
        until = time.monotonic() + _ANSWERED_WITHIN
        while waiting and (timeout := until - time.monotonic()) > 0:
            for connection in [it for it in wait(list(waiting), timeout) if isinstance(it, Connection)]:
                message = self._receive(waiting[connection])
                if isinstance(message, WorkerReply) and message.number == self._request_number:
                    replies.append(message.answer)
                    del waiting[connection]
                elif message is None:
                    del waiting[connection]
        return replies

    def _end(self) -> None:
        self._is_ending = True
        for slot in self._slots:
            if slot.worker is not None:
                slot.worker.process.terminate()
        until = time.monotonic() + self._grace_seconds
        while any(it.worker is not None for it in self._slots) and time.monotonic() < until:
            self._handle_messages(until=until)
        for slot in self._slots:
            if slot.worker is not None:
                slot.worker.process.kill()
                slot.worker.process.join()


def _begin(work: Work, connection: Connection) -> None:
    """Run a worker. The new process starts here."""
    work(ParentPipe(connection))


@contextlib.contextmanager
def _stop_signals() -> Iterator[Connection]:
    """A connection that becomes readable at SIGINT or SIGTERM."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    before = {
        number: signal.signal(number, lambda _number, _frame: writer.send_bytes(b"."))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield reader
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Make processes that start meanwhile ignore Ctrl-C until they handle it themselves.

    A terminal sends it to all processes. One that still loads its modules would print a traceback.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
