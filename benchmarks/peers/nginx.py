"""nginx with one worker: as a proxy in front of a downstream, with keep-alive on both sides, or with a constant."""

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

from benchmarks.processes import SERVER_CORE, Started, spawned

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
  {upstream}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ {location} }}
  }}
}}
"""
_UPSTREAM = "upstream downstream {{ server {}; keepalive 64; keepalive_requests 1000000000; }}"
_PROXY = 'proxy_pass http://downstream; proxy_http_version 1.1; proxy_set_header Connection "";'


@contextlib.contextmanager
def proxying(downstream: str) -> Iterator[Started]:
    """An nginx that forwards everything to `downstream`, on the core of the servers."""
    parts = urlsplit(downstream)
    with _serving(_PROXY, _UPSTREAM.format(parts.netloc)) as server:
        yield server


@contextlib.contextmanager
def constant(size: int) -> Iterator[Started]:
    """An nginx that answers every request with the same `size` bytes, on the core of the servers."""
    with _serving(f'default_type application/json; return 200 "{"x" * size}";') as server:
        yield server


@contextlib.contextmanager
def _serving(location: str, upstream: str = "") -> Iterator[Started]:
    binary = command()
    assert binary is not None
    with tempfile.TemporaryDirectory(prefix="wablock-bench-") as folder:
        port = _free_port()
        # If root starts nginx, its worker changes to another user, who cannot access this folder.
        user = "" if os.geteuid() else f"user {getpass.getuser()};"
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(user=user, port=port, location=location, upstream=upstream), "utf-8"
        )
        with spawned(SERVER_CORE, [binary, "-p", folder, "-e", "stderr", "-c", str(configuration)]) as process:
            _await_listening(process, port)
            yield Started(process, f"http://127.0.0.1:{port}")


def command() -> str | None:
    """The path of nginx, also if it is only on the administrator's PATH; None if it is not installed."""
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
