"""`wablock drops --follow` and `wablock events --follow` in another process, with a wait for its lines."""

import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO

from tests.cli.command import WABLOCK, environment

_COMES_WITHIN = 60  # seconds


class Follower:
    """What it prints and complains of, line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        assert process.stderr
        self._process = process
        self._printed, self._complained = _lines(process.stdout), _lines(process.stderr)

    def line(self) -> str:
        """Wait for the next line of its output."""
        return self._printed.get(timeout=_COMES_WITHIN)

    def complaint(self) -> str:
        """Wait for the next line of its standard error."""
        return self._complained.get(timeout=_COMES_WITHIN)

    def interrupt(self) -> int:
        """Press Ctrl-C; return its exit status."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(_COMES_WITHIN)


def following(phone_number_id: str, *arguments: str, **variables: str) -> AbstractContextManager[Follower]:
    """Follow the drops of a number."""
    return following_with("drops", phone_number_id, "--follow", *arguments, **variables)


@contextmanager
def following_with(*command: str, **variables: str) -> Iterator[Follower]:
    with subprocess.Popen(
        [WABLOCK, *command], env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Follower(process)
        finally:
            process.kill()


def _lines(stream: IO[str]) -> "queue.Queue[str]":
    """The stream's lines as they arrive; an empty text follows the last one."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, name="lines").start()
    return lines
