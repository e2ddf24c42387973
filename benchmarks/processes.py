"""Child processes, each on one core."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

SERVER_CORE: Final = "0"
LOAD_CORE: Final = "1"
ANY_CORE: Final = f"{SERVER_CORE},{LOAD_CORE}"

_ENDS_WITHIN: Final = 30  # seconds
_CPUCLOCK_SCHED: Final = 2  # linux/posix-timers.h: /proc/PID/stat counts the same time in ticks of 10 ms


class Started(msgspec.Struct):
    """A process, and the first line that it printed."""

    process: subprocess.Popen[str]
    line: str

    @property
    def url(self) -> str:
        """The address in that line."""
        return next(word for word in self.line.split() if word.startswith("http"))


@contextlib.contextmanager
def started(core: str, command: Sequence[str], variables: Mapping[str, str] | None = None) -> Iterator[Started]:
    """Run the command until the block ends. The block starts after the command has printed a line."""
    with spawned(core, command, variables) as process:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{command} ended before it was ready")
        yield Started(process, line)


@contextlib.contextmanager
def spawned(
    core: str, command: Sequence[str], variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run the command until the block ends."""
    environment = os.environ | dict(variables or {})
    pinned = ["taskset", "-c", core, *command]
    with subprocess.Popen(pinned, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def wablock(*arguments: str) -> list[str]:
    """The command that runs `wablock`."""
    return [sys.executable, "-m", "wablock", *arguments]


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of this folder."""
    return [sys.executable, "-m", f"benchmarks.{name}", *arguments]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its living children, with all threads, in nanosecond resolution."""
    children = [
        child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    own = time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)  # the clock id that clock_getcpuclockid(3) returns
    return own + sum(cpu_seconds(int(child)) for child in children)


def number_printed_by(core: str, command: Sequence[str]) -> float:
    """Run a command that measures something, and return the number that it prints."""
    done = subprocess.run(["taskset", "-c", core, *command], check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)
