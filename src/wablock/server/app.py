"""The application: it routes each request to its endpoint, handles all failures in one place, and logs one line."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final

import msgspec

from wablock.access import Access
from wablock.block_list.ports import Microseconds
from wablock.block_list.service import BlockList
from wablock.contract.errors import BlocklistInternalError, GraphError
from wablock.contract.versions import answering_version
from wablock.gate.inbound import Inbound
from wablock.gate.outbound import Outbound
from wablock.gate.ports import PublicAddresses
from wablock.gate.recent_drops import DropsSince
from wablock.gate.routes import Routes
from wablock.server import browsers
from wablock.server.answers import Answer, Chunks, failure
from wablock.server.callers import Callers
from wablock.server.endpoints.block_users import BlockUsers
from wablock.server.endpoints.check import Checks
from wablock.server.endpoints.downstreams import DownstreamEndpoints
from wablock.server.endpoints.drops import DropEndpoint
from wablock.server.endpoints.health import Health
from wablock.server.endpoints.last_inbound import LastInboundEndpoint
from wablock.server.endpoints.messages import Messages
from wablock.server.endpoints.tokens import TokenEndpoints
from wablock.server.endpoints.upstreams import UpstreamEndpoints
from wablock.server.endpoints.webhooks import Webhooks
from wablock.server.limits import Limits, RateLimits
from wablock.server.logged_path import LoggedPath
from wablock.server.metrics import Metrics
from wablock.server.request import ClientWentAway, HangUp, Request
from wablock.server.router import Route, Router

_log = logging.getLogger("wablock.server")

_UNKNOWN: Final = "unknown"


class Options(msgspec.Struct, frozen=True):
    """Settings of the answers."""

    partial_failure_status: int = 200
    list_has_input: bool = False
    token_in_parameters: bool = True
    """Whether `access_token` in the query or in a form is accepted as a token."""
    public_url: str | None = None
    """The scheme and host of `paging.next`; None means those of the request."""
    pass_through: bool = False
    """Whether requests to all paths of a number are sent to the upstream, not only those to `messages`."""
    log_requests: bool = False
    """Whether every request is logged. Failures are always logged."""


class Application:
    """Answers every request; see `protocol.connections.Application`."""

    def __init__(
        self,
        *,
        block_list: BlockList,
        inbound: Inbound,
        outbound: Outbound,
        routes: Routes,
        addresses: PublicAddresses,
        drops: DropsSince,
        access: Access,
        clock: Callable[[], Microseconds],
        is_ready: Callable[[], Awaitable[bool]],
        metrics: Metrics,
        scrape: Callable[[], Awaitable[bytes]],
        rates: RateLimits,
        limits: Limits,
        options: Options,
        reference: Iterable[Route],
    ) -> None:
        """`scrape` returns the text of `/metrics`, in Prometheus' format. `reference`: the routes of its pages."""
        callers = Callers(access, rates, limits.body, token_in_parameters=options.token_in_parameters)
        endpoints = (
            BlockUsers(
                block_list,
                access,
                callers,
                rates,
                public_url=options.public_url,
                partial_failure_status=options.partial_failure_status,
                list_has_input=options.list_has_input,
            ),
            Checks(block_list, access, callers, rates),
            Webhooks(inbound, routes.accounts),
            TokenEndpoints(access, routes, clock, callers),
            LastInboundEndpoint(block_list, callers),
            DownstreamEndpoints(access, routes.downstreams, addresses, callers),
            DropEndpoint(drops, callers),
            UpstreamEndpoints(access, routes.upstreams, addresses, callers),
            Health(is_ready, scrape),
            Messages(outbound, access, callers, rates, pass_through=options.pass_through),
        )
        self._router = Router([*(route for endpoint in endpoints for route in endpoint.routes()), *reference])
        self._metrics = metrics
        self._logs_all = options.log_requests
        self._logged_path = LoggedPath(self._router.templates)

    async def __call__(self, request: Request) -> Answer:
        started = time.perf_counter()
        operation = _UNKNOWN
        try:
            if b"service-worker" in request.last_values:
                browsers.refuse_service_worker(request)
            place, request.parameters = self._router.find(request.path)
            operation = place.operation
            version = request.parameters.get("version")
            if version is not None:
                request.version = answering_version(version)
            if not place.starts_without_task:
                await asyncio.sleep(0)  # continues in a task, which time-outs need
            answer = await place.handler(request.method)(request)
        except GraphError as error:
            answer = failure(error, request.ids, request.version)
        except (ClientWentAway, HangUp):
            raise
        except Exception:
            _log.exception("a request failed unexpectedly", extra={"request_id": request.ids.fbtrace_id})
            answer = failure(BlocklistInternalError(), request.ids, request.version)
        if answer.chunks is None:
            self._done(request, operation, answer, started)
        else:
            answer.chunks = _ReportingChunks(answer.chunks, lambda: self._done(request, operation, answer, started))
        return answer

    def _done(self, request: Request, operation: str, answer: Answer, started: float) -> None:
        seconds = time.perf_counter() - started
        self._metrics.answered(operation, answer.status, answer.code, seconds)
        if self._logs_all or answer.status >= 400:
            report = {
                "request_id": request.ids.fbtrace_id,
                "method": request.method,
                "path": self._logged_path(request.path),
                "status": answer.status,
                "code": answer.code,
                "ms": round(seconds * 1_000, 2),
            }
            _log.info("request", extra=report)


class _ReportingChunks:
    """A body that calls `done` when it is closed."""

    def __init__(self, chunks: Chunks, done: Callable[[], None]) -> None:
        self._chunks = chunks
        self._done = done

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._chunks)

    async def aclose(self) -> None:
        try:
            await self._chunks.aclose()
        finally:
            self._done()
