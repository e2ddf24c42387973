"""The messages between a worker and its parent, and the worker's end of the pipe between them."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final

import msgspec

from wablock.block_list.ports import BusinessNumber
from wablock.failures import Overloaded

_ANSWERED_WITHIN: Final = 5.0  # seconds: the parent waits one second for a worker that does not reply


class Listening(msgspec.Struct, frozen=True):
    """The worker listens."""


class CannotStart(msgspec.Struct, frozen=True):
    """The worker cannot start, and ends. `reason` is one line that says what to do."""

    reason: str


class CountsQuestion(msgspec.Struct, frozen=True):
    """Requests the counts of a worker."""


class DropsQuestion(msgspec.Struct, frozen=True):
    """Requests the recent drops of a worker for this number, after `seq`."""

    number: BusinessNumber
    seq: int


WorkerQuestion = CountsQuestion | DropsQuestion


class GatherRequest(msgspec.Struct, frozen=True):
    """A worker requests the replies of all workers."""

    question: WorkerQuestion


class GatheredReplies(msgspec.Struct, frozen=True):
    """The replies of all workers, for the worker that requested them."""

    answers: list[Any]


class ReplyRequest(msgspec.Struct, frozen=True):
    """The parent requests a reply. Each request has its `number`: a reply may arrive after the time-out."""

    number: int
    question: WorkerQuestion


class WorkerReply(msgspec.Struct, frozen=True):
    """The reply to a `ReplyRequest`."""

    number: int
    question: WorkerQuestion
    answer: Any


class ParentPipe:
    """A worker's end of the pipe. When the parent ends, the worker's process ends too."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._gathering: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[list[Any]]]] = []

    def listen(self, answer: Callable[[WorkerQuestion], Any], grace_seconds: float) -> None:
        """Reply to the parent from now on, in a thread: the event loop may be busy.

        When the parent is gone, the process gets SIGTERM, and `grace_seconds` to stop.
        """
        threading.Thread(target=self._listen, args=(answer, grace_seconds), name="parent pipe", daemon=True).start()

    def listening(self) -> None:
        self._send(Listening())

    def cannot_start(self, reason: str) -> None:
        self._send(CannotStart(reason))

    async def gather(self, question: WorkerQuestion) -> list[Any]:
        """The replies of all workers, this one among them; raises `Overloaded` if the parent does not answer."""
        loop = asyncio.get_running_loop()
        replies: asyncio.Future[list[Any]] = loop.create_future()
        self._gathering.append((loop, replies))
        self._send(GatherRequest(question))
        try:
            return await asyncio.wait_for(replies, _ANSWERED_WITHIN)
        except TimeoutError:
            raise Overloaded("The other workers do not reply now.") from None

    def _listen(self, answer: Callable[[WorkerQuestion], Any], grace_seconds: float) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                break
            if isinstance(message, ReplyRequest):
                self._send(WorkerReply(message.number, message.question, answer(message.question)))
            elif isinstance(message, GatheredReplies):
                loop, replies = self._gathering.pop(0)
                loop.call_soon_threadsafe(_settle, replies, message.answers)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_seconds)
        os._exit(1)

    def _send(self, message: Listening | CannotStart | WorkerReply | GatherRequest) -> None:
        with self._sending, contextlib.suppress(OSError):  # if the parent is gone, `_listen` notices it
            self._connection.send(message)


def _settle(replies: asyncio.Future[list[Any]], answers: list[Any]) -> None:
    if not replies.done():  # else `gather` has timed out
        replies.set_result(answers)
