"""The real `wablock` command, in another process or in this one."""

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
    """This process's environment with wide lines and `variables`, and without settings of wablock and of Python."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return inherited | {"COLUMNS": "240", "NO_COLOR": "1"} | variables


_SETTINGS = "WABLOCK_", "PYTHONUNBUFFERED"  # unbuffered output would hide lines in the wrong order
_WARNING = re.compile(r"^wablock: --[a-z-]+ is visible to other users of this machine; use .*\n", re.MULTILINE)


def without_warning(errors: str) -> str:
    """The errors of a command, without the warning about secrets that the tests type."""
    return _WARNING.sub("", errors)


def run(*arguments: str, stdin: str = "", command: str = WABLOCK, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `wablock` with these arguments in another process."""
    return subprocess.run(
        [command, *arguments],
        input=stdin,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=_ENDS_WITHIN,
        check=False,
    )


def run_bytes(*command: str, stdin: bytes, variables: dict[str, str]) -> tuple[int, str, str]:
    """Run a command whose standard input has these bytes; return its exit status, output and errors."""
    process = subprocess.run(
        command, input=stdin, env=variables, capture_output=True, timeout=_ENDS_WITHIN, check=False
    )
    return process.returncode, process.stdout.decode(), process.stderr.decode()


def run_here(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `wablock` with these arguments in this process, which is faster."""
    output, errors = StringIO(), StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            main(arguments)
            status: object = 0
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    return subprocess.CompletedProcess(arguments, status, output.getvalue(), errors.getvalue())


class Server:
    """A server that runs as `wablock dev` or `wablock serve`."""

    def __init__(self, process: "subprocess.Popen[str]", announced_by: str) -> None:
        """Return when it has printed a line with `announced_by`."""
        self._process = process
        self._logged: list[str] = []
        # Read all the time: a server whose log is not read stops at a full pipe.
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
        """Its standard error so far; complete when it has ended."""
        return "".join(self._logged)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait until it ends by itself or by a signal; return its exit status."""
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
    """A listening server with these arguments; it is killed at the end of the block if it still runs."""
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
