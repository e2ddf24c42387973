"""A server on an address, until a signal stops it; shared by `wablock dev` and `wablock serve`."""

import contextlib
import gc
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

from wablock.cli.console import Refused
from wablock.server.metrics import Metrics
from wablock.server.protocol.connections import Application
from wablock.server.serve import Server
from wablock.settings import AnswerSettings, LimitSettings

if sys.platform != "win32":
    import resource


def run(
    application: Application,
    running: Callable[[], AbstractAsyncContextManager[None]],
    metrics: Metrics,
    bound: socket.socket,
    answers: AnswerSettings,
    limits: LimitSettings,
    listening: Callable[[], None],
) -> None:
    """Run a `Server` until SIGINT or SIGTERM."""
    _allow_many_files()
    gc.collect()
    gc.freeze()  # objects from the start stay: collecting them repeatedly took a quarter of a large webhook's time
    server = Server(application, running, limits.limits(), metrics, trusted_proxies=answers.trusted_proxies)
    server.run(bound, listening, signals=True)


def _allow_many_files() -> None:
    """Raise the limit of open files: each connection is one, and the default is often 1,024."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(OSError, ValueError):  # macOS reports a limit that it does not allow
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def check_public_url(url: str | None) -> None:
    if url is not None and not _is_web_address(url):
        raise Refused(f"--public-url {url!r} must begin with http:// or https:// and contain a host")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return url.startswith(("http://", "https://")) and bool(parts.hostname)


def url_of(host: str, bound: socket.socket) -> str:
    port = bound.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
