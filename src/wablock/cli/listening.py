"""What `wablock dev` and `wablock serve` share: an address, and a server on it until it is told to stop."""

import gc
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from wablock.cli.console import Refused
from wablock.server.connections import GuardedProtocol
from wablock.server.metrics import Metrics
from wablock.server.serve import serve
from wablock.settings import AnswerSettings, LimitSettings


def run(
    app: ASGIApp,
    metrics: Metrics,
    bound: socket.socket,
    answers: AnswerSettings,
    limits: LimitSettings,
    listening: Callable[[], None],
    protocol: type[GuardedProtocol] = GuardedProtocol,
) -> None:
    gc.collect()
    gc.freeze()  # what is there now stays: looking it through again and again is a quarter of a large webhook's time
    serve(
        app,
        bound,
        limits.limits(),
        metrics,
        listening,
        trusted_proxies=answers.trusted_proxies,
        protocol=protocol,
    )


def check_public_url(url: str | None) -> None:
    if url is not None and not _is_web_address(url):
        raise Refused(f"--public-url must begin with http:// or https:// and name a host, not {url!r}")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return url.startswith(("http://", "https://")) and bool(parts.hostname)


def url_of(host: str, bound: socket.socket) -> str:
    port = bound.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
