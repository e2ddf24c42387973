"""`/dev`: turning a development server back, its clock, its failures; asking what it was asked."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wablock.contract.errors import (
    GraphError,
    InvalidAccessToken,
    InvalidParameter,
    MissingAccessToken,
    UnknownObject,
    UnknownPath,
    UnsupportedMethod,
)
from wablock.contract.versions import answering_version
from wablock.kit.asked import Handler, said
from wablock.kit.development import START, Development
from wablock.kit.faults import Fault, Faults
from wablock.kit.journal import Journal
from wablock.kit.seeds import Seed
from wablock.kit.time_routes import TimeRoutes
from wablock.kit.user_routes import UserRoutes
from wablock.server import request as requests
from wablock.server.answers import failure, request_ids
from wablock.server.credentials import header_token
from wablock.server.manage import response


class NamedSnapshot(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,100}\Z")] | None = None


class Control:
    """The routes, behind the development token."""

    def __init__(self, development: Development, faults: Faults, journal: Journal) -> None:
        self._development = development
        self._faults = faults
        self._journal = journal
        self._clock = development.clock

    def application(self) -> Starlette:
        routes: dict[tuple[str, str], Handler] = {
            ("POST", "/dev/reset"): self._reset,
            ("POST", "/dev/seed"): self._seed,
            ("GET", "/dev/snapshots"): self._snapshots,
            ("POST", "/dev/snapshots"): self._keep,
            ("POST", "/dev/snapshots/{name}/restore"): self._restore,
            ("DELETE", "/dev/snapshots/{name}"): self._forget,
            ("GET", "/dev/faults"): self._list_faults,
            ("POST", "/dev/faults"): self._add_fault,
            ("DELETE", "/dev/faults"): self._clear_faults,
            ("GET", "/dev/journal"): self._read_journal,
            ("DELETE", "/dev/journal"): self._clear_journal,
            **TimeRoutes(self._development.clock).routes(),
            **UserRoutes(self._development).routes(),
        }
        failures = dict.fromkeys((GraphError, HTTPException), _failed)
        made = Starlette(
            routes=[
                Route(path, self._answering(handler), methods=[method]) for (method, path), handler in routes.items()
            ],
            exception_handlers=failures,
        )
        made.router.redirect_slashes = False
        return made

    def _answering(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            self._authorize(request)
            told = await handler(request)
            return Response(
                msgspec.json.encode({"success": True} if told is None else told), media_type="application/json"
            )

        return answer

    def _authorize(self, request: Request) -> None:
        token = header_token(requests.headers(request.scope))
        if token is None:
            raise MissingAccessToken
        if not hmac.compare_digest(token.encode(), self._development.settings.token.encode()):
            raise InvalidAccessToken

    # -- the database

    async def _reset(self, _: Request) -> None:
        await self._development.reset()
        self._faults.clear()
        self._journal.clear()

    async def _seed(self, request: Request) -> None:
        await self._development.seed(await said(request, Seed))

    async def _snapshots(self, _: Request) -> Any:
        return {"data": [name for name in self._development.snapshots if name != START]}

    async def _keep(self, request: Request) -> Any:
        name = (await said(request, NamedSnapshot)).name or secrets.token_hex(4)
        if name == START:
            raise InvalidParameter(f"Param name cannot be {START}: it is how everything began.")
        await self._development.snapshot(name)
        return {"name": name}

    async def _restore(self, request: Request) -> None:
        name = self._named(request)
        try:
            await self._development.restore(name)
        except KeyError:
            raise self._no_snapshot(request, name) from None

    async def _forget(self, request: Request) -> None:
        name = self._named(request)
        if name == START:
            raise InvalidParameter(f"{START} cannot be removed: it is how everything began.")
        self._development.forget(name)

    def _named(self, request: Request) -> str:
        name: str = request.path_params["name"]
        if name not in self._development.snapshots:
            raise self._no_snapshot(request, name)
        return name

    def _no_snapshot(self, request: Request, name: str) -> UnknownObject:
        return UnknownObject(request.method, name[:100], "There is no such snapshot: see GET /dev/snapshots")

    # -- failures and the journal

    async def _list_faults(self, _: Request) -> Any:
        return {"data": self._faults.listed()}

    async def _add_fault(self, request: Request) -> Any:
        try:
            return self._faults.add(await said(request, Fault))
        except ValueError as trouble:
            raise InvalidParameter(f"{trouble}.") from None

    async def _clear_faults(self, _: Request) -> None:
        self._faults.clear()

    async def _read_journal(self, request: Request) -> Any:
        after = request.query_params.get("after") or "0"
        if not (after.isascii() and after.isdigit()):
            raise InvalidParameter("Param after must be the seq of an entry.")
        return {"data": self._journal.since(int(after[:18]))}

    async def _clear_journal(self, _: Request) -> None:
        self._journal.clear()


async def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        error = UnsupportedMethod(request.method) if error.status_code == 405 else UnknownPath(request.url.path)
    if not isinstance(error, GraphError):
        raise error
    return response(failure(error, request_ids(), answering_version(None)))
