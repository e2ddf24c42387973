"""The machine that the benchmarks run on, and the versions of the programs."""

import os
import platform
import re
import statistics
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import apsw
import msgspec
from tests.cluster import path_of

import wablock
from benchmarks.peers import nginx

_SYNCS: Final = 1_000
_BLOCKS: Final = 256
_BLOCK: Final = 4_096  # bytes: a page of SQLite's
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")


class Machine(msgspec.Struct, frozen=True):
    """What a reader must know to compare results."""

    date: str
    cpu: str
    cores: int
    memory_gb: float
    kernel: str
    syncs_a_second: float
    load_before: float
    load_after: float
    versions: dict[str, str]

    def lines(self) -> dict[str, str]:
        """A line for each property, to be shown."""
        return {
            "CPU": f"{self.cpu}, {self.cores} cores",
            "memory": f"{self.memory_gb:.0f} GB",
            "kernel": self.kernel,
            "disk": f"{self.syncs_a_second:,.0f} syncs a second",
            "load": f"{self.load_before:.1f} before the run, {self.load_after:.1f} at its end",
            "versions": ", ".join(f"{name} {version}" for name, version in self.versions.items()),
            "date": self.date,
        }


def after_run(before: Machine) -> Machine:
    """The same machine at the end of the run."""
    return msgspec.structs.replace(before, load_after=os.getloadavg()[0])


def machine(folder: Path) -> Machine:
    """This machine before the run. Its disk is the one of `folder`."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        cpu=_cpu(Path("/proc/cpuinfo").read_text()),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=pages / 2**30,
        kernel=platform.release(),
        syncs_a_second=1 / seconds_of_a_sync(folder),
        load_before=os.getloadavg()[0],
        load_after=0,
        versions={
            "wablock": wablock.__version__,
            "Python": platform.python_version(),
            "SQLite": apsw.sqlite_lib_version(),
            "PostgreSQL": _version(path_of("postgres"), "--version"),
            "nginx": _version(nginx.command() or "nginx", "-v"),
        },
    )


def seconds_of_a_sync(folder: Path) -> float:
    """The median time of fdatasync after a block of a file in `folder` was overwritten, as in SQLite's log."""
    file = os.open(folder / "synced", os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(file, bytes(_BLOCK * _BLOCKS), 0)
        os.fsync(file)
        return statistics.median(_seconds(file, number % _BLOCKS) for number in range(_SYNCS))
    finally:
        os.close(file)


def _seconds(file: int, block: int) -> float:
    os.pwrite(file, os.urandom(_BLOCK), block * _BLOCK)
    began = time.perf_counter()
    os.fdatasync(file)
    return time.perf_counter() - began


def _cpu(cpuinfo: str) -> str:
    model = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return model[1] if model else platform.machine()


def _version(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    version = _VERSION.search(done.stdout + done.stderr)
    assert version is not None, command
    return version[0]
