"""The application: it routes each request to its endpoint, handles all failures in one place, and logs one line."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

from wablock.contract.errors import BlocklistInternalError, GraphError
from wablock.contract.versions import answering_version
from wablock.server import browsers
from wablock.server.answers import Answer, Chunks, failure
from wablock.server.logged_path import LoggedPath
from wablock.server.metrics import Metrics
from wablock.server.request import ClientWentAway, HangUp, Request
from wablock.server.router import Route, Router

_log = logging.getLogger("wablock.server")

_UNKNOWN: Final = "unknown"


class Application:
    """Answers every request; see `protocol.connections.Application`. `logs_all`: also those that did not fail."""

    def __init__(self, routes: Iterable[Route], metrics: Metrics, *, logs_all: bool) -> None:
        self._router = Router(routes)
        self._metrics = metrics
        self._logs_all = logs_all
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
