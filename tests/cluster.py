"""A PostgreSQL server for tests, on loopback, that they can start, stop and kill."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.missing import missing
from tests.ports import lasting_port
from tests.waiting import comes_true

QUICK: Final = {"fsync": "off", "full_page_writes": "off"}
"""For tests that pull no plug."""

_DEBIAN: Final = Path("/usr/lib/postgresql")
_STARTS_WITHIN: Final = 60  # seconds
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "dynamic_shared_memory_type": "mmap",  # in its folder, so that a killed server leaves nothing elsewhere
}


class Cluster:
    """A folder of PostgreSQL's with its server, which is not running yet. The folder goes when this process ends,
    however it ends; a server that is left without its folder ends by itself.
    """

    def __init__(self, settings: Mapping[str, str] = QUICK) -> None:
        path_of("initdb")  # without it the test ends here, and leaves nothing behind
        self.folder: Final = Path(tempfile.mkdtemp(prefix="wablock-postgres-"))
        self.data: Final = self.folder / "data"
        self.port: Final = lasting_port()
        self._log: Final = self.folder / "log"
        self._settings = _SETTINGS | dict(settings)
        self._server: subprocess.Popen[bytes] | None = None
        self._minder = subprocess.Popen(
            ["/bin/sh", "-c", 'cat >/dev/null; rm -rf "$1"', "minder", str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def create(self) -> None:
        """Fill the folder with a new, empty cluster."""
        self.run(
            "initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"
        )

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end."""
        done = subprocess.run(
            [path_of(program), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **_unprivileged(),
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Return when it accepts connections."""
        settings = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [path_of("postgres"), "-D", str(self.data), "-p", str(self.port), *settings],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that Ctrl-C does not reach the server; the tests end it
                **_unprivileged(),
            )
        started = self._server
        is_over = comes_true(lambda: started.poll() is not None or self._ready(started), _STARTS_WITHIN)
        assert started.poll() is None, f"PostgreSQL does not start: {self.log}"
        assert is_over, f"PostgreSQL is not ready: {self.log}"

    def stop(self) -> None:
        """Stop it in order: its connections are closed, and committed data stays."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(_STARTS_WITHIN)
            self._server = None

    def kill(self) -> None:
        """Kill the server and all of its processes at once, as if the machine had died."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)  # so that no new one starts while they are counted
        children = self._children()
        for child in children:
            os.kill(child, signal.SIGKILL)
        self._server.kill()
        self._server.wait(_STARTS_WITHIN)
        self._server = None
        # A new server refuses to start while one of them has the shared memory.
        assert comes_true(lambda: all(map(_has_ended, children)), _STARTS_WITHIN)

    def freeze(self) -> None:
        """Make every query wait until `thaw`, as if the disk did not answer."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it, and remove all that it left."""
        self.stop()
        lock = self.data / "postmaster.pid"
        if lock.exists() and (ipcrm := shutil.which("ipcrm")):  # it was killed, and 56 bytes of shared memory remain
            *_, segment = lock.read_text().splitlines()[6].split()
            subprocess.run([ipcrm, "-m", segment], check=True)
        self._minder.communicate()

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._server is not None
        for process in [self._server.pid, *self._children()]:
            os.kill(process, number)

    def _children(self) -> list[int]:
        assert self._server is not None
        pid = self._server.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def _ready(self, server: "subprocess.Popen[bytes]") -> bool:
        """Whether it is ready, by the eighth line of the lock file, as pg_ctl finds it out."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() in {"ready", "standby"}


@contextmanager
def running_cluster(settings: Mapping[str, str] = QUICK) -> Iterator[Cluster]:
    """A new, empty cluster."""
    cluster = Cluster(settings)
    try:
        cluster.create()
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


def path_of(program: str) -> str:
    """The program of the newest installed version. Without one the test ends, see `missing`."""
    paths = sorted(_DEBIAN.glob(f"*/bin/{program}"), key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0))
    return str(paths[-1]) if paths else shutil.which(program) or missing("PostgreSQL's server is not installed")


def _has_ended(process: int) -> bool:
    """True also for a zombie, which holds no memory."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _unprivileged() -> dict[str, Any]:
    """Arguments that start it as another user: PostgreSQL refuses to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
