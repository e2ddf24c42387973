"""`/dev`: reset, snapshots, clock, faults and journal of a development server."""

import hmac
import secrets
from typing import Annotated, Any

import msgspec

from wablock.contract.errors import (
    GraphError,
    InvalidAccessToken,
    InvalidParameter,
    MissingAccessToken,
    UnknownObject,
    UnknownPath,
)
from wablock.kit.dev_clock import TimeRoutes
from wablock.kit.dev_requests import DevHandler, read_body
from wablock.kit.dev_users import UserRoutes
from wablock.kit.development import START, Development
from wablock.kit.faults import Fault, Faults
from wablock.kit.journal import Journal
from wablock.kit.seeds import Seed
from wablock.server import router
from wablock.server.answers import Answer, failure, page
from wablock.server.credentials import header_token
from wablock.server.decoding import query_parameter
from wablock.server.request import Request
from wablock.server.router import Router, route


class NamedSnapshot(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,100}\Z")] | None = None


class Control:
    """Answers the paths below `/dev`, behind the development token."""

    def __init__(self, development: Development, faults: Faults, journal: Journal) -> None:
        self._development = development
        self._faults = faults
        self._journal = journal
        self._clock = development.clock
        routes: dict[tuple[str, str], DevHandler] = {
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
        self._router = Router(route(method, path, _answering(handler)) for (method, path), handler in routes.items())

    async def __call__(self, request: Request) -> Answer:
        try:
            handler = self._handler(request)
            self._authorize(request)
            return await handler(request)
        except GraphError as error:
            return failure(error, request.ids, request.version)

    def _handler(self, request: Request) -> router.Handler:
        try:
            place, request.parameters = self._router.find(request.path)
        except UnknownPath:
            raise UnknownPath(request.path) from None
        return place.handler(request.method)

    def _authorize(self, request: Request) -> None:
        token = header_token(request)
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
        await self._development.seed(await read_body(request, Seed))

    async def _snapshots(self, _: Request) -> Any:
        return {"data": [name for name in self._development.snapshots if name != START]}

    async def _keep(self, request: Request) -> Any:
        name = (await read_body(request, NamedSnapshot)).name or secrets.token_hex(4)
        if name == START:
            raise InvalidParameter(f"Param name cannot be {START}: this snapshot is the state at the start.")
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
            raise InvalidParameter(f"{START} cannot be removed: this snapshot is the state at the start.")
        self._development.forget(name)

    def _named(self, request: Request) -> str:
        name: str = request.parameters["name"]
        if name not in self._development.snapshots:
            raise self._no_snapshot(request, name)
        return name

    def _no_snapshot(self, request: Request, name: str) -> UnknownObject:
        return UnknownObject(request.method, name[:100], "This snapshot does not exist: see GET /dev/snapshots")

    # -- failures and the journal

    async def _list_faults(self, _: Request) -> Any:
        return {"data": self._faults.listed()}

    async def _add_fault(self, request: Request) -> Any:
        try:
            return self._faults.add(await read_body(request, Fault))
        except ValueError as error:
            raise InvalidParameter(f"{error}.") from None

    async def _clear_faults(self, _: Request) -> None:
        self._faults.clear()

    async def _read_journal(self, request: Request) -> Any:
        after = query_parameter(request, "after", "0") or "0"
        if not (after.isascii() and after.isdigit()):
            raise InvalidParameter(f"Param after must be the seq of an entry, not {after[:100]!r}.")
        return {"data": self._journal.since(int(after[:18]))}

    async def _clear_journal(self, _: Request) -> None:
        self._journal.clear()


def _answering(handler: DevHandler) -> router.Handler:
    async def answer(request: Request) -> Answer:
        value = await handler(request)
        content = msgspec.json.encode({"success": True} if value is None else value)
        return page(request, content, b"application/json")

    return answer
