"""`/healthz`, `/readyz` and `/metrics`: the state of the server, for its operators."""

from collections.abc import Awaitable, Callable
from typing import Final

from wablock.failures import Overloaded
from wablock.server.answers import Answer, page
from wablock.server.metrics import CONTENT_TYPE
from wablock.server.request import Request
from wablock.server.router import Route, route

_JSON: Final = b"application/json"


class Health:
    """`is_ready`: whether the database accepts changes. `scrape`: the metrics, in Prometheus' text format."""

    def __init__(self, is_ready: Callable[[], Awaitable[bool]], scrape: Callable[[], Awaitable[bytes]]) -> None:
        self._is_ready = is_ready
        self._scrape = scrape

    def routes(self) -> list[Route]:
        return [
            route("GET", "/healthz", self.healthz),
            route("GET", "/readyz", self.readyz),
            route("GET", "/metrics", self.metrics),
        ]

    async def healthz(self, request: Request) -> Answer:
        return page(request, b'{"status":"ok"}', _JSON)

    async def readyz(self, request: Request) -> Answer:
        if not await self._is_ready():
            raise Overloaded("The database does not accept changes now.")
        return page(request, b'{"status":"ready"}', _JSON)

    async def metrics(self, request: Request) -> Answer:
        return page(request, await self._scrape(), CONTENT_TYPE)
