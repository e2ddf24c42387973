"""Running the application under uvicorn, bounded, until it is told to stop."""

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from wablock.server.connections import ConnectionMeter, bounded
from wablock.server.limits import Limits


class CannotListen(Exception):
    """The address cannot be listened on; the message says why, in one line."""


class _Announcing(uvicorn.Server):
    """Says when it listens: an address that is printed earlier would refuse whoever is quick."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._listening()


def bind(host: str, port: int) -> socket.socket:
    """A socket on the address, port 0 picking a free one; raises `CannotListen`."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as trouble:
        raise CannotListen(f"Cannot listen on {host}:{port}: {trouble}") from trouble
    return bound


def serve(
    app: ASGIApp,
    bound: socket.socket,
    limits: Limits,
    meter: ConnectionMeter,
    listening: Callable[[], None],
    *,
    trusted_proxies: str = "127.0.0.1",
) -> None:
    """Serve until SIGINT or SIGTERM; then take nothing new, finish what is in flight, and return."""
    config = uvicorn.Config(
        app,
        http=bounded(limits, meter),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        timeout_keep_alive=int(limits.idle_seconds),
        timeout_graceful_shutdown=int(limits.shutdown_seconds),
        backlog=limits.connections + 1_024,
    )
    _Announcing(config, listening).run(sockets=[bound])
    bound.close()
