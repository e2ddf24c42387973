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

from wablock.failures import Overloaded

_ANSWERED_WITHIN: Final = 5.0  # seconds: a parent that is busy with a worker that does not answer takes one


class Listening(msgspec.Struct, frozen=True):
    """The worker listens."""


class CannotStart(msgspec.Struct, frozen=True):
    """The worker cannot listen, ever, and ends; `why` is one line that says what to do."""

    why: str


class CountsQuestion(msgspec.Struct, frozen=True):
    """The question what a worker has counted."""


class DropsQuestion(msgspec.Struct, frozen=True):
    """The question what a worker has lately taken out for this account's number, after `seq`."""

    account_id: str
    phone_number_id: str
    seq: int


WorkerQuestion = CountsQuestion | DropsQuestion


class Gather(msgspec.Struct, frozen=True):
    """A worker wants to know what all of them answer."""

    question: WorkerQuestion


class Gathered(msgspec.Struct, frozen=True):
    """What they answered, to the worker that wanted to know."""

    answers: list[Any]


class Ask(msgspec.Struct, frozen=True):
    """The parent asks a worker. `number`: an answer may come when nobody waits for it any more."""

    number: int
    question: WorkerQuestion


class WorkerReply(msgspec.Struct, frozen=True):
    """A worker answers."""

    number: int
    question: WorkerQuestion
    answer: Any


class Line:
    """A worker's end. While its process has it open, the end of the parent ends the process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._gathering: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[list[Any]]]] = []

    def listen(self, answer: Callable[[WorkerQuestion], Any], grace_seconds: float) -> None:
        """Answer the parent from now on, in a thread: the event loop may have more to do.

        Once the parent is gone, however it went, the process is told to stop, and has `grace_seconds` for that.
        """
        threading.Thread(target=self._listen, args=(answer, grace_seconds), name="wablock line", daemon=True).start()

    def listening(self) -> None:
        self._say(Listening())

    def cannot_start(self, why: str) -> None:
        self._say(CannotStart(why))

    async def gather(self, question: WorkerQuestion) -> list[Any]:
        """What all workers answer, this one among them; raises `Overloaded` where the parent does not say."""
        loop = asyncio.get_running_loop()
        said: asyncio.Future[list[Any]] = loop.create_future()
        self._gathering.append((loop, said))
        self._say(Gather(question))
        try:
            return await asyncio.wait_for(said, _ANSWERED_WITHIN)
        except TimeoutError:
            raise Overloaded("The other workers cannot be asked now") from None

    def _listen(self, answer: Callable[[WorkerQuestion], Any], grace_seconds: float) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                break
            if isinstance(message, Ask):
                self._say(WorkerReply(message.number, message.question, answer(message.question)))
            elif isinstance(message, Gathered):
                loop, said = self._gathering.pop(0)
                loop.call_soon_threadsafe(_settle, said, message.answers)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_seconds)
        os._exit(1)

    def _say(self, message: Listening | CannotStart | WorkerReply | Gather) -> None:
        with self._sending, contextlib.suppress(OSError):  # the parent is gone, which `_listen` notices
            self._connection.send(message)


def _settle(said: asyncio.Future[list[Any]], answers: list[Any]) -> None:
    if not said.done():  # who asked may have gone away
        said.set_result(answers)
