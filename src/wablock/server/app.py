"""The application: which path is whose, and the one place where a failure becomes an answer."""

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from wablock.access import Access
from wablock.block_list.ports import Microseconds
from wablock.block_list.service import BlockList
from wablock.contract.errors import (
    BlocklistInternalError,
    GraphError,
    Overloaded,
    UnknownPath,
    UnsupportedMethod,
)
from wablock.contract.versions import answering_version, is_version
from wablock.gate.drops import DropsSince
from wablock.gate.inbound import Inbound
from wablock.gate.outbound import Outbound
from wablock.gate.ports import Answer as Passed
from wablock.gate.ports import UpstreamFailed
from wablock.gate.routes import Routes
from wablock.gate.send_request.credentials import access_token
from wablock.gate.send_request.request import SendRequest
from wablock.server import browsers, check, messages, parameters, request, webhooks
from wablock.server.answers import Answer, RequestIds, failure, preflight, request_ids, send_answer
from wablock.server.block_users import BlockUsers, Call
from wablock.server.callers import Callers
from wablock.server.limits import Limits, RateLimits
from wablock.server.logged_path import LoggedPath
from wablock.server.manage import Manage, response
from wablock.server.metrics import CONTENT_TYPE, Metrics
from wablock.server.openapi import document
from wablock.server.outside import Outside
from wablock.server.reference.pages import Pages
from wablock.server.request import ClientWentAway, Target
from wablock.server.routing import Routing
from wablock.server.upstreams import UpstreamRoutes

_log = logging.getLogger("wablock.server")

_OPENAPI_HEADERS: Final = {"access-control-allow-origin": "*"} | browsers.OWN_PAGE


class Options(msgspec.Struct, frozen=True):
    """What can be chosen about the answers."""

    partial_failure_status: int = 200
    list_has_input: bool = False
    token_in_parameters: bool = True
    """Whether a token may come as `access_token` in query or form."""
    public_url: str | None = None
    """The scheme and host of `paging.next`; None: as the caller used."""
    pass_through: bool = False
    """Whether other paths of a number than its messages are sent up as well."""
    log_requests: bool = False
    """Whether every request is logged; failures are, always."""


class Application:
    """The ASGI application. Hot routes are plain ASGI here, Starlette has the rest."""

    def __init__(
        self,
        *,
        block_list: BlockList,
        inbound: Inbound,
        outbound: Outbound,
        routes: Routes,
        outside: Outside,
        drops: DropsSince,
        access: Access,
        clock: Callable[[], Microseconds],
        is_ready: Callable[[], Awaitable[bool]],
        metrics: Metrics,
        scrape: Callable[[], Awaitable[bytes]],
        rates: RateLimits,
        limits: Limits,
        options: Options,
        lifespan: Callable[[Any], AbstractAsyncContextManager[None]] | None = None,
    ) -> None:
        """`scrape`: what `/metrics` tells, in Prometheus' text format."""
        self._scrape = scrape
        self._is_ready = is_ready
        self._metrics = metrics
        self._callers = Callers(access, rates, limits.body, token_in_parameters=options.token_in_parameters)
        self._options = options
        self._block_users = BlockUsers(
            block_list,
            access,
            rates,
            partial_failure_status=options.partial_failure_status,
            list_has_input=options.list_has_input,
        )
        self._checks = check.Checks(block_list, access, rates, answering_version(None))
        self._messages = messages.Messages(outbound, access, rates, pass_through=options.pass_through)
        self._webhooks = webhooks.Webhooks(inbound, routes, answering_version(None))
        manage = Manage(block_list, access, routes, clock, self._callers.authorize, self._callers.body)
        routing = Routing(access, routes, outside, drops, self._callers.authorize, self._callers.body)
        upstreams = UpstreamRoutes(access, routes, outside, self._callers.authorize, self._callers.body)
        told = document()
        self._document = msgspec.json.encode(told)
        self._rest = Starlette(
            routes=[
                *manage.routes(),
                *routing.routes(),
                *upstreams.routes(),
                Route("/healthz", self._healthz, methods=["GET"]),
                Route("/readyz", self._readyz, methods=["GET"]),
                Route("/metrics", self._metrics_text, methods=["GET"]),
                Route("/openapi.json", self._openapi, methods=["GET"]),
                *Pages(told, options.public_url).routes(),
            ],
            exception_handlers={
                GraphError: self._rest_failed,
                HTTPException: self._rest_failed,
                Exception: self._rest_failed,
            },
            lifespan=lifespan,
        )
        rest = [route.path for route in self._rest.routes if isinstance(route, Route)]
        self._logged_path = LoggedPath([*told["paths"], *rest])
        self._rest.router.redirect_slashes = False  # a redirect is none of the contract's answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        started = time.perf_counter()
        ids = request_ids()
        path: str = scope["path"]
        if browsers.installs_service_worker(scope):
            await self._run("unknown", None, browsers.refuse_service_worker(), scope, send, ids, started)
            return
        if path.startswith("/v1/"):
            checked = check.target(path)
            if checked is not None:
                await self._run("check", None, self._check(scope, receive, checked, ids), scope, send, ids, started)
                return
        elif path == webhooks.PATH:
            await self._run("webhook", None, self._webhooks.answer(scope, receive, ids), scope, send, ids, started)
            return
        elif (target := request.target(path)) is not None:
            version = answering_version(target.asked_version)
            answer = self._answer(scope, receive, target, ids, version)
            await self._run("block_users", version, answer, scope, send, ids, started)
            return
        elif (target := self._messages.target(scope["method"], path)) is not None:
            version = answering_version(target.asked_version)
            sending = self._send_up(scope, receive, target, ids, version)
            await self._run("send", version, sending, scope, send, ids, started)
            return
        await self._answer_rest(scope, receive, send, ids, started)

    async def _run(
        self,
        operation: str,
        version: str | None,
        answering: Awaitable[Answer | Passed],
        scope: Scope,
        send: Send,
        ids: RequestIds,
        started: float,
    ) -> None:
        try:
            answer = await answering
        except GraphError as error:
            answer = failure(error, ids, version or answering_version(None))
        except ClientWentAway:
            return
        except Exception:
            _log.exception("an answer could not be made", extra={"request_id": ids.fbtrace_id})
            answer = failure(BlocklistInternalError(), ids, version or answering_version(None))
        if isinstance(answer, Answer):
            await send_answer(send, answer)
            self._done(scope, operation, ids, answer.status, answer.code, started)
            return
        try:
            await messages.stream(send, answer)
        except UpstreamFailed as failed:  # an answer that is not ended has its connection closed
            _log.warning("an upstream's answer broke off: %s", failed, extra={"request_id": ids.fbtrace_id})
        self._done(scope, operation, ids, answer.status, None, started)

    async def _check(self, scope: Scope, receive: Receive, asked: check.Target, ids: RequestIds) -> Answer:
        token, body = await self._callers.read_with_token(scope, receive)
        return await self._checks.answer(scope["method"], asked, scope["query_string"], token, body, ids)

    async def _send_up(
        self, scope: Scope, receive: Receive, target: Target, ids: RequestIds, version: str
    ) -> Answer | Passed:
        if scope["method"] == "OPTIONS":
            return preflight(ids, version)
        # A link or a form of another page carries its parameters, but never an Authorization header.
        caller = await self._callers.read(scope, receive, in_header_only=browsers.sent(scope))
        sending = SendRequest(caller.sent.content_type, scope["query_string"], caller.body)
        text = caller.token_text or access_token(sending)
        token = caller.token or await self._callers.token(text)
        return await self._messages.answer(scope, target, token, text or "", sending)

    async def _answer(self, scope: Scope, receive: Receive, target: Target, ids: RequestIds, version: str) -> Answer:
        method = scope["method"]
        if method == "OPTIONS":
            return preflight(ids, version)
        if method not in ("GET", "HEAD", "POST", "DELETE"):
            raise UnsupportedMethod(method)
        caller = await self._callers.read(scope, receive)
        said = await parameters.read(scope["query_string"], caller.sent.content_type, caller.body)
        in_parameters = caller.token is None
        token = caller.token or await self._callers.token(said.access_token)
        base_url = self._options.public_url or request.base_url(scope, caller.sent)
        return await self._block_users.answer(
            Call(
                _method(method, said),
                target.phone_number_id,
                token,
                said,
                ids,
                version,
                base_url + scope["path"],
                caller.sent.if_none_match,
                in_parameters,
            )
        )

    def _done(
        self, scope: Scope, operation: str, ids: RequestIds, status: int, code: int | None, started: float
    ) -> None:
        seconds = time.perf_counter() - started
        self._metrics.answered(operation, status, code, seconds)
        if self._options.log_requests or status >= 400:
            _log.info(
                "request",
                extra={
                    "request_id": ids.fbtrace_id,
                    "method": scope["method"],
                    "path": self._logged_path(scope["path"]),
                    "status": status,
                    "code": code,
                    "ms": round(seconds * 1_000, 2),
                },
            )

    # -- the rest

    async def _answer_rest(self, scope: Scope, receive: Receive, send: Send, ids: RequestIds, started: float) -> None:
        scope["wablock.ids"] = ids
        status = 500

        async def send_with_ids(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                names = {name for name, _ in message["headers"]}
                if b"x-fb-request-id" not in names:
                    message["headers"].append((b"x-fb-request-id", ids.fbtrace_id.encode()))
                if b"x-content-type-options" not in names:
                    message["headers"].append(browsers.NO_SNIFFING)
            await send(message)

        try:
            await self._rest(scope, receive, send_with_ids)
        except ClientWentAway:
            return
        except Exception:
            _log.exception("an answer could not be made", extra={"request_id": ids.fbtrace_id})
        route = scope.get("route")
        self._done(scope, getattr(route, "path", "unknown"), ids, status, scope.get("wablock.code"), started)

    async def _rest_failed(self, asked: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            error = UnsupportedMethod(asked.method) if error.status_code == 405 else UnknownPath(_unknown(asked))
        elif not isinstance(error, GraphError):
            error = BlocklistInternalError()
        asked.scope["wablock.code"] = error.code
        return response(failure(error, asked.scope["wablock.ids"], answering_version(None)))

    async def _healthz(self, _: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    async def _readyz(self, _: Request) -> Response:
        if not await self._is_ready():
            raise Overloaded("The database cannot take changes now")
        return Response(b'{"status":"ready"}', media_type="application/json")

    async def _metrics_text(self, _: Request) -> Response:
        return Response(await self._scrape(), headers={"content-type": CONTENT_TYPE.decode()})

    async def _openapi(self, _: Request) -> Response:
        return Response(self._document, media_type="application/json", headers=_OPENAPI_HEADERS)


def _method(sent: str, said: parameters.Parameters) -> str:
    """The operation: Graph lets a POST name another one in the parameter `method`."""
    if sent == "HEAD":
        return "GET"
    if sent == "POST" and said.method:
        return said.method.upper()[:20]
    return sent


def _unknown(asked: Request) -> str:
    """The part of a path that means nothing: what follows the version and the object."""
    parts = [part for part in asked.scope["path"].split("/") if part]
    if parts and is_version(parts[0]):
        parts = parts[1:]
    return "/" + "/".join(parts[1:] if len(parts) > 1 else parts)
