"""Running the application under uvicorn, bounded, until it is told to stop."""

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from wablock.server.connections import ConnectionMeter, GuardedProtocol, bounded
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

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        # uvicorn raises the signal once more after the shutdown, and whoever calls would die of it in mid-cleaning.
        self._captured_signals.clear()


def bind(host: str, port: int) -> socket.socket:
    """A socket on the address, port 0 picking a free one; raises `CannotListen`."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()  # or another process could still bind the same address, and fail later
    except (OSError, OverflowError, UnicodeError) as trouble:
        bound.close()
        raise CannotListen(f"Cannot listen on {host}:{port}: {trouble}") from trouble
    return bound


def server(
    app: ASGIApp,
    limits: Limits,
    meter: ConnectionMeter,
    listening: Callable[[], None],
    *,
    trusted_proxies: str = "127.0.0.1",
    protocol: type[GuardedProtocol] = GuardedProtocol,
) -> uvicorn.Server:
    """A server for `app`, not yet running; `listening` is called once it listens."""
    config = uvicorn.Config(
        app,
        http=bounded(limits, meter, protocol),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        timeout_keep_alive=limits.idle_seconds,  # type: ignore[arg-type]  # asyncio takes floats
        timeout_graceful_shutdown=limits.shutdown_seconds,  # type: ignore[arg-type]
        backlog=limits.connections + 1_024,
    )
    return _Announcing(config, listening)


def serve(
    app: ASGIApp,
    bound: socket.socket,
    limits: Limits,
    meter: ConnectionMeter,
    listening: Callable[[], None],
    *,
    trusted_proxies: str = "127.0.0.1",
    protocol: type[GuardedProtocol] = GuardedProtocol,
) -> None:
    """Serve until SIGINT or SIGTERM; then take nothing new, finish what is in flight, and return."""
    server(app, limits, meter, listening, trusted_proxies=trusted_proxies, protocol=protocol).run(sockets=[bound])
    bound.close()
