"""A server on an address, until a signal stops it; shared by `wablock dev` and `wablock serve`."""

import contextlib
import gc
import socket
import sys
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from wablock.cli.arguments import Refused
from wablock.server.serve import Server

if sys.platform != "win32":
    import resource

# The number of new objects after which Python collects garbage. Requests leave no reference cycles behind, and with
# Python's default of 700, the collections take 6 % of the time of a POST.
_ALLOCATED_BETWEEN_COLLECTIONS: Final = 10_000


def run(server: Server, listener: socket.socket, listening: Callable[[], None]) -> None:
    """See `Server`; until SIGINT or SIGTERM."""
    _allow_many_files()
    # The existing objects are never garbage; checking them took a quarter of a large webhook's time. A few hundred of
    # 60,000 are garbage already, and stay in memory: to find them takes a tenth of the start.
    gc.freeze()
    gc.set_threshold(_ALLOCATED_BETWEEN_COLLECTIONS)
    server.run(listener, listening, signals=True)


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


def url_of(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
