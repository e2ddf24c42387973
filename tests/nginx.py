"""A real nginx: a process with a test's own configuration."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.missing import installed
from tests.waiting import comes_true

_KINDS: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def free_port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_nginx(folder: Path, port: int, http: str) -> Iterator[int]:
    """Yield `port` when nginx listens there. `http` is the content of its `http` block."""
    temporary = "".join(f"{kind}_temp_path {folder / kind};" for kind in _KINDS)
    user = "user root;" if os.geteuid() == 0 else ""  # its workers have to read the test's own folder
    configuration, log = folder / "nginx.conf", folder / "nginx.log"
    configuration.write_text(f"""
daemon off; pid {folder / "nginx.pid"}; worker_processes 1; {user}
events {{ }}
http {{ access_log off; {temporary}
{http}
}}
""")
    arguments = [installed("nginx"), "-p", str(folder), "-c", str(configuration), "-e", "stderr"]
    # It reports each malformed request; the reports must not fill a pipe that is not read.
    with log.open("wb") as output, subprocess.Popen(arguments, stderr=output) as process:
        try:
            assert comes_true(lambda: process.poll() is not None or _is_open(port), 20), "nginx does not listen"
            assert process.poll() is None, f"nginx does not start: {log.read_text()}"
            yield port
        finally:
            process.terminate()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
