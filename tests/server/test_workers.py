"""The parent of workers that fail, hang or cannot start."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from wablock.server.serve import bind
from wablock.server.worker_messages import ParentPipe
from wablock.server.workers import Work, Workers, WorkersFailed


def _ends_at_once(_: ParentPipe) -> None:
    sys.exit(3)


def _cannot(line: ParentPipe) -> None:
    line.cannot_start("there is no such database; name another")


def _listens_the_first_time(seen: Path, line: ParentPipe) -> None:
    if seen.exists():
        line.cannot_start("the database is gone")
        return
    seen.touch()
    line.listening()


def _does_not_end(line: ParentPipe) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    line.listening()
    time.sleep(600)  # a worker that hangs; its parent kills it


def _run(work: Work, listening: Callable[[], None], *, number: int = 2) -> socket.socket:
    bound = bind("127.0.0.1", 0)
    Workers(number, work, grace_seconds=0.5, first_pause=0.01).run(bound, listening)
    return bound


def _must_not_listen() -> None:
    pytest.fail("no worker listens")


def test_workers_that_end_before_they_listen_are_given_up_with_their_status() -> None:
    with pytest.raises(WorkersFailed, match="status 3 before it listened"):
        _run(_ends_at_once, _must_not_listen)


def test_workers_that_cannot_start_are_given_up_with_their_reason() -> None:
    with pytest.raises(WorkersFailed, match="there is no such database; name another"):
        _run(_cannot, _must_not_listen)


def test_the_parent_gives_up_if_no_worker_can_be_replaced(tmp_path: Path) -> None:
    reports: list[str] = []

    with pytest.raises(WorkersFailed, match="the database is gone"):
        _run(partial(_listens_the_first_time, tmp_path / "seen"), lambda: reports.append("listening"), number=1)

    assert reports in ([], ["listening"])  # it may have ended before the parent looked


def test_a_worker_that_hangs_is_killed() -> None:
    bound = _run(_does_not_end, lambda: os.kill(os.getpid(), signal.SIGTERM))

    assert bound.fileno() == -1
