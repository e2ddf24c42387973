"""What a worker and its parent say to each other, and the worker's end of the line between them."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final

import msgspec

from wablock.contract.errors import Overloaded
from wablock.server.totals import Counts

_ANSWERED_WITHIN: Final = 5.0  # seconds: a parent that is busy with a worker that does not answer takes one


class Listening(msgspec.Struct, frozen=True):
    """The worker listens."""


class CannotStart(msgspec.Struct, frozen=True):
    """The worker cannot listen, ever, and ends; `why` is one line that says what to do."""

    why: str


class Count(msgspec.Struct, frozen=True):
    """The parent asks what the worker has counted."""


class Counted(msgspec.Struct, frozen=True):
    """The worker has counted this."""

    counts: Counts


class Scrape(msgspec.Struct, frozen=True):
    """The worker is asked for its metrics, and asks for those of all workers."""


class Totals(msgspec.Struct, frozen=True):
    """What all workers have counted, in Prometheus' text format."""

    text: bytes


class Line:
    """A worker's end. While its process has it open, the end of the parent ends the process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._scrapes: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[bytes]]] = []

    def listen(self, count: Callable[[], Counts], grace_seconds: float) -> None:
        """Answer the parent from now on with what `count` gives, in a thread: the event loop may have more to do.

        Once the parent is gone, however it went, the process is told to stop, and has `grace_seconds` for that.
        """
        threading.Thread(target=self._listen, args=(count, grace_seconds), name="wablock line", daemon=True).start()

    def listening(self) -> None:
        self._say(Listening())

    def cannot_start(self, why: str) -> None:
        self._say(CannotStart(why))

    async def totals(self) -> bytes:
        """What all workers have counted; raises `Overloaded` where the parent does not say."""
        loop = asyncio.get_running_loop()
        said: asyncio.Future[bytes] = loop.create_future()
        self._scrapes.append((loop, said))
        self._say(Scrape())
        try:
            return await asyncio.wait_for(said, _ANSWERED_WITHIN)
        except TimeoutError:
            raise Overloaded("The other workers cannot be asked now") from None

    def _listen(self, count: Callable[[], Counts], grace_seconds: float) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                break
            if isinstance(message, Count):
                self._say(Counted(count()))
            elif isinstance(message, Totals):
                loop, said = self._scrapes.pop(0)
                loop.call_soon_threadsafe(_settle, said, message.text)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_seconds)
        os._exit(1)

    def _say(self, message: Listening | CannotStart | Counted | Scrape) -> None:
        with self._sending, contextlib.suppress(OSError):  # the parent is gone, which `_listen` notices
            self._connection.send(message)


def _settle(said: asyncio.Future[bytes], text: bytes) -> None:
    if not said.done():  # who asked may have gone away
        said.set_result(text)
