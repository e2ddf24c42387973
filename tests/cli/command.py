"""The real `wablock` command, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

from wablock.cli import main

WABLOCK: Final = str(Path(sys.executable).with_name("wablock"))

_ENDS_WITHIN = 60  # seconds
_URL = re.compile(r"http://\S+:\d+")


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without settings of wablock's, wide lines, and `variables`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WABLOCK_")}
    return inherited | {"COLUMNS": "240", "NO_COLOR": "1"} | variables


_WARNING = re.compile(r"^wablock: --[a-z-]+ is visible to other users of this machine; use .*\n", re.MULTILINE)


def without_warning(complained: str) -> str:
    """What a command complains of, but for the secrets that tests type for brevity."""
    return _WARNING.sub("", complained)


def run(*arguments: str, stdin: str = "", command: str = WABLOCK, **variables: str) -> subprocess.CompletedProcess[str]:
    """What `wablock` with these arguments prints and returns."""
    return subprocess.run(
        [command, *arguments],
        input=stdin,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=_ENDS_WITHIN,
        check=False,
    )


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The same as `run`, without the time that a process takes to begin: in this one."""
    printed, complained = StringIO(), StringIO()
    with redirect_stdout(printed), redirect_stderr(complained):
        try:
            main(arguments)
            status: object = 0
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    return subprocess.CompletedProcess(arguments, status, printed.getvalue(), complained.getvalue())


class Server:
    """A server that runs as `wablock dev` or `wablock serve`."""

    def __init__(self, process: "subprocess.Popen[str]", announced_by: str) -> None:
        """Returns when it has printed a line with `announced_by`."""
        self._process = process
        self._logged: list[str] = []
        # Drained all the time: a server whose log is not read would stop at a full pipe.
        self._drain = threading.Thread(target=self._read_log, name="wablock log")
        self._drain.start()
        self.announced = self._read_until(announced_by)
        match = _URL.search(self.announced)
        assert match, f"no address in {self.announced!r}, {self.log}"
        self.url = match[0]
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        self.host, self.port = host.strip("[]"), int(port)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has written to standard error, whole once it has ended."""
        return "".join(self._logged)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        """Its exit status, once it ended by itself or by a signal."""
        status = self._process.wait(_ENDS_WITHIN)
        self._drain.join(_ENDS_WITHIN)
        return status

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.ended()

    def _read_until(self, wanted: str) -> str:
        assert self._process.stdout
        read = ""
        for line in self._process.stdout:
            read += line
            if wanted in line:
                return read
        self._drain.join(_ENDS_WITHIN)
        raise AssertionError(f"wablock ended before it listened: {read}{self.log}")

    def _read_log(self) -> None:
        assert self._process.stderr
        self._logged.extend(self._process.stderr)


@contextmanager
def started(*arguments: str, command: str = WABLOCK, **variables: str) -> Iterator[Server]:
    """A server by these arguments, listening; killed at the end of the block if it still runs."""
    with subprocess.Popen(
        [command, *arguments],
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        server = None
        try:
            server = Server(process, "Ctrl-C" if "dev" in arguments else "wablock serves")
            yield server
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
            if server is not None:
                server.ended()
