"""Several processes on one socket: the parent starts them, replaces the ones that die, and ends them all.

The parent serves nothing itself. Its workers know by their lines to it that it lives.
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
    Ask,
    CannotStart,
    Gathered,
    Listening,
    ParentPipe,
    WorkerQuestion,
    WorkerReply,
)

_log = logging.getLogger("wablock.server")

_SETTLED: Final = 10.0  # seconds after its start in which a death counts as one more failure of the same kind
_LONGEST_PAUSE: Final = 30.0
_MOST_FAILURES: Final = 5  # starts in a row, while nobody listens
_ANSWERED_WITHIN: Final = 1.0  # seconds; of who does not answer is told what it had counted when it last did

Work = Callable[[ParentPipe], None]
"""What a worker does until it is told to stop. It has to be picklable: workers are new processes, not forks."""


class WorkersFailed(Exception):
    """No worker can serve; the message says why, in one line."""


class _Worker:
    """One process, and what is known of it."""

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
            theirs.close()  # or the line would not break when the worker ends

    def say(self, message: Ask | Gathered) -> None:
        with contextlib.suppress(OSError):  # it has ended, which is noticed where it is listened to
            self.connection.send(message)


class _WorkerSlot:
    """Where a worker belongs. It is filled again after a pause, which grows while workers do not settle."""

    def __init__(self) -> None:
        self.worker: _Worker | None = None
        self.failures = 0
        self.due = 0.0

    def empty(self, now: float, first_pause: float, *, settled: bool) -> None:
        self.worker = None
        self.failures = 0 if settled else self.failures + 1
        self.due = now if settled else now + min(first_pause * 2 ** (self.failures - 1), _LONGEST_PAUSE)


class Workers:
    """So many processes that do `work`, on a socket that it has."""

    def __init__(self, number: int, work: Work, *, grace_seconds: float, first_pause: float = 0.5) -> None:
        """`grace_seconds`: how long a worker may take to end once it is told to."""
        self._work = work
        self._grace_seconds = grace_seconds
        self._first_pause = first_pause
        self._places = [_WorkerSlot() for _ in range(number)]
        self._failures = 0  # starts in a row that came to nothing
        self._why = ""
        self._is_announced = self._is_ending = False
        self._past: Counts = ()
        self._wanted: list[tuple[_Worker, WorkerQuestion]] = []
        self._asked = 0

    def run(self, bound: socket.socket, listening: Callable[[], None]) -> None:
        """Keep the workers running until SIGINT or SIGTERM; then let them finish what is in flight, and return.

        `listening` is called once all of them listen. Closes `bound`. Raises `WorkersFailed` where none can serve.
        """
        with _stop_asked() as stop:
            try:
                while not stop.poll():
                    self._fill()
                    self._look(stop, until=min((it.due for it in self._places if it.worker is None), default=None))
                    self._give_up_if_hopeless()
                    if not self._is_announced and self._all_listen():
                        self._is_announced = True
                        listening()
            finally:
                bound.close()  # while a copy is open connections are taken, and nobody would answer them
                self._end()

    def _all_listen(self) -> bool:
        return all(it.worker is not None and it.worker.is_listening for it in self._places)

    def _fill(self) -> None:
        now = time.monotonic()
        for place in self._places:
            if place.worker is None and place.due <= now:
                try:
                    place.worker = _Worker(self._work, now)
                except OSError as trouble:  # no memory for it, or no process left
                    self._failed(str(trouble))
                    place.empty(now, self._first_pause, settled=False)

    def _look(self, *others: Connection, until: float | None) -> None:
        """Wait until something happens or it is that late, and take notice of it."""
        places = {it.worker.connection: it for it in self._places if it.worker is not None}
        patience = None if until is None else max(0.0, until - time.monotonic())
        for ready in wait([*others, *places], patience):
            if isinstance(ready, Connection) and ready in places:
                self._hear(places[ready])
        wanted, self._wanted = self._wanted, []
        for worker, question in wanted:
            worker.say(Gathered(self._gathered(question)))

    def _hear(self, place: _WorkerSlot) -> Any:
        """What the worker says; None where it has ended."""
        worker = place.worker
        assert worker is not None  # noqa: S101 - for the type checker: who is listened to is there
        try:
            said = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(place, worker)
            return None
        if isinstance(said, Listening):
            worker.is_listening = True
            self._failures, self._why = 0, ""
        elif isinstance(said, CannotStart):
            self._why = said.why
        elif isinstance(said, WorkerReply):
            if isinstance(said.question, worker_messages.CountsQuestion):
                worker.counts = said.answer
        else:
            self._wanted.append((worker, said.question))
        return said

    def _bury(self, place: _WorkerSlot, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        now = time.monotonic()
        status = worker.process.exitcode
        self._past = summed([self._past, lasting(worker.counts)])
        place.empty(now, self._first_pause, settled=worker.is_listening and now - worker.started_at > _SETTLED)
        if not worker.is_listening:
            self._failed(f"A worker ended with status {status} before it listened; its log says why")
        elif not self._is_ending:
            told = {"pid": worker.process.pid, "status": status, "next_in": round(place.due - now, 2)}
            _log.warning("a worker ended; another one takes its place", extra=told)

    def _failed(self, why: str) -> None:
        self._failures += 1
        self._why = self._why or why
        if self._is_announced and not self._is_ending:
            _log.warning("a worker could not start; it is tried again: %s", self._why)

    def _give_up_if_hopeless(self) -> None:
        if any(it.worker is not None and it.worker.is_listening for it in self._places) and self._is_announced:
            return
        if self._failures >= (_MOST_FAILURES if self._is_announced else 1):
            raise WorkersFailed(self._why)

    def _gathered(self, question: WorkerQuestion) -> list[Any]:
        """What the workers answer. What they have counted is told of all that ever were."""
        answers = self._ask(question)
        if isinstance(question, worker_messages.CountsQuestion):
            return [self._past, *(it.worker.counts for it in self._places if it.worker is not None)]
        return answers

    def _ask(self, question: WorkerQuestion) -> list[Any]:
        """The answers of those who listen, and answer in time."""
        self._asked += 1
        waiting = {it.worker.connection: it for it in self._places if it.worker is not None and it.worker.is_listening}
        for place in waiting.values():
            if place.worker is not None:
                place.worker.say(Ask(self._asked, question))
        answers = []
        until = time.monotonic() + _ANSWERED_WITHIN
        while waiting and (patience := until - time.monotonic()) > 0:
            for connection in [it for it in wait(list(waiting), patience) if isinstance(it, Connection)]:
                said = self._hear(waiting[connection])
                if isinstance(said, WorkerReply) and said.number == self._asked:
                    answers.append(said.answer)
                    del waiting[connection]
                elif said is None:
                    del waiting[connection]
        return answers

    def _end(self) -> None:
        self._is_ending = True
        for place in self._places:
            if place.worker is not None:
                place.worker.process.terminate()
        until = time.monotonic() + self._grace_seconds
        while any(it.worker is not None for it in self._places) and time.monotonic() < until:
            self._look(until=until)
        for place in self._places:
            if place.worker is not None:
                place.worker.process.kill()
                place.worker.process.join()


def _begin(work: Work, connection: Connection) -> None:
    """Where the new process begins."""
    work(ParentPipe(connection))


@contextlib.contextmanager
def _stop_asked() -> Iterator[Connection]:
    """What can be read from once SIGINT or SIGTERM came."""
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
    """What is started meanwhile takes no notice of Ctrl-C until it says otherwise.

    A terminal sends it to all processes, and who still loads modules would print where it was.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
