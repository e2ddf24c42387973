"""nginx as a proxy before a downstream: one worker, connections kept open on both sides."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.processes import SERVER_CORE, spawned

_CONFIGURATION = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
{user}
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream downstream {{ server {downstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ proxy_pass http://downstream; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


@contextlib.contextmanager
def proxying(downstream: str) -> Iterator[str]:
    """The address of an nginx that passes everything on to `downstream`, on the core of the servers."""
    command = found()
    assert command is not None
    with tempfile.TemporaryDirectory(prefix="wablock-bench-") as folder:
        port = _free_port()
        # Started by root it would give its rights up, and with them this folder.
        user = "" if os.geteuid() else f"user {getpass.getuser()};"
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(user=user, port=port, downstream=urlsplit(downstream).netloc), "utf-8"
        )
        with spawned(SERVER_CORE, [command, "-p", folder, "-e", "stderr", "-c", str(configuration)]) as process:
            _await_listening(process, port)
            yield f"http://127.0.0.1:{port}{urlsplit(downstream).path}"


def found() -> str | None:
    """The command, also where it is only on an administrator's path."""
    return shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_listening(process: subprocess.Popen[str], port: int) -> None:
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("nginx ended before it listened")
