"""`/dev`: turning a development server back, its clock, its failures; asking what it was asked."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wablock.block_list.ports import BusinessNumber, Member, Microseconds
from wablock.block_list.rules import SECOND
from wablock.contract import wire
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
from wablock.gate.routes import NewDownstream
from wablock.gate.signature import sign
from wablock.kit import inbound, seeds
from wablock.kit.development import START, Development
from wablock.kit.faults import Fault, Faults
from wablock.kit.journal import Journal
from wablock.kit.seeds import PhoneNumberId, Seed
from wablock.server import request as requests
from wablock.server import webhooks
from wablock.server.answers import failure, request_ids
from wablock.server.credentials import header_token
from wablock.server.manage import decoded, moment, response
from wablock.settings import DEV_ACCOUNT_ID
from wablock.wiring import Wired

_LARGEST_BODY: Final = 64 * 1_048_576  # a seed may have many users
_Handler = Callable[[Request], Awaitable[Any]]


class ClockTold(msgspec.Struct):
    """`now` as ISO 8601, `microseconds` since 1970."""

    now: str
    microseconds: Microseconds
    stopped: bool


class SetClock(msgspec.Struct, forbid_unknown_fields=True):
    """`now` in seconds since 1970 or as ISO 8601; `microseconds` instead, to the last digit."""

    now: int | str | None = None
    microseconds: Microseconds | None = None
    stopped: bool | None = None


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    days: float = 0.0
    hours: float = 0.0
    minutes: float = 0.0
    seconds: float = 0.0


class NamedSnapshot(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.-]{1,100}$")] | None = None


class Inbound(msgspec.Struct, forbid_unknown_fields=True):
    """A message from a user. `message` is the message's own part, as Meta has it; None: `text`."""

    sender: str = msgspec.field(name="from")
    phone_number_id: PhoneNumberId | None = None
    user_id: str | None = None
    text: str = "Hello"
    name: str = "A user"
    message: dict[str, Any] | None = None
    message_id: str | None = None


class InboundDone(msgspec.Struct, omit_defaults=True):
    """What became of a message: `dropped` where its sender is blocked, `delivered` where a receiver took it.

    `status` and `answer` are what the gate told the webhook's sender; 502 where a receiver did not take it.
    """

    message_id: str
    dropped: bool
    delivered: bool
    status: int
    answer: Any


class SetDownstream(msgspec.Struct, forbid_unknown_fields=True):
    url: Annotated[str, msgspec.Meta(pattern="^https?://", max_length=2_000)] | None = None
    phone_number_id: PhoneNumberId | None = None


class Control:
    """The routes, behind the development token."""

    def __init__(self, development: Development, faults: Faults, journal: Journal) -> None:
        self._development = development
        self._faults = faults
        self._journal = journal
        self._clock = development.clock

    def application(self) -> Starlette:
        routes: dict[tuple[str, str], _Handler] = {
            ("POST", "/dev/reset"): self._reset,
            ("POST", "/dev/seed"): self._seed,
            ("GET", "/dev/snapshots"): self._snapshots,
            ("POST", "/dev/snapshots"): self._keep,
            ("POST", "/dev/snapshots/{name}/restore"): self._restore,
            ("DELETE", "/dev/snapshots/{name}"): self._forget,
            ("GET", "/dev/clock"): self._tell_time,
            ("PUT", "/dev/clock"): self._set_clock,
            ("POST", "/dev/clock/advance"): self._advance,
            ("POST", "/dev/inbound"): self._inbound,
            ("PUT", "/dev/downstream"): self._set_downstream,
            ("GET", "/dev/faults"): self._list_faults,
            ("POST", "/dev/faults"): self._add_fault,
            ("DELETE", "/dev/faults"): self._clear_faults,
            ("GET", "/dev/journal"): self._read_journal,
            ("DELETE", "/dev/journal"): self._clear_journal,
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

    def _answering(self, handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
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
        self._faults.clear()
        await self._development.reset()
        self._journal.clear()

    async def _seed(self, request: Request) -> None:
        seed = decoded(await _body(request), Seed)
        now = self._clock()
        plans = seeds.planned(seed, DEV_ACCOUNT_ID, now)
        async with self._development.served() as wired:
            await seeds.write(plans, wired, now)

    async def _snapshots(self, _: Request) -> Any:
        return {"data": [name for name in self._development.snapshots if name != START]}

    async def _keep(self, request: Request) -> Any:
        name = decoded(await _body(request), NamedSnapshot).name or secrets.token_hex(4)
        if name == START:
            raise InvalidParameter(f"Param name cannot be {START}: it is how everything began.")
        await self._development.snapshot(name)
        return {"name": name}

    async def _restore(self, request: Request) -> None:
        name = self._named(request)
        await self._development.restore(name)

    async def _forget(self, request: Request) -> None:
        name = self._named(request)
        if name == START:
            raise InvalidParameter(f"{START} cannot be removed: it is how everything began.")
        self._development.forget(name)

    def _named(self, request: Request) -> str:
        name: str = request.path_params["name"]
        if name not in self._development.snapshots:
            raise UnknownObject(request.method, name[:100], "There is no such snapshot: see GET /dev/snapshots")
        return name

    # -- the clock

    async def _tell_time(self, _: Request) -> ClockTold:
        return self._time()

    async def _set_clock(self, request: Request) -> ClockTold:
        asked = decoded(await _body(request), SetClock)
        if asked.stopped is not None and asked.stopped != self._clock.is_stopped:
            (self._clock.stop if asked.stopped else self._clock.start)()
        at = asked.microseconds if asked.microseconds is not None else moment(asked.now)
        if at is not None:
            self._move(lambda: self._clock.set(at))
        return self._time()

    async def _advance(self, request: Request) -> ClockTold:
        by = decoded(await _body(request), Advance)
        seconds = by.days * 86_400 + by.hours * 3_600 + by.minutes * 60 + by.seconds
        self._move(lambda: self._clock.advance(round(seconds * SECOND)))
        return self._time()

    def _move(self, move: Callable[[], None]) -> None:
        try:
            move()
        except (ValueError, OverflowError) as trouble:
            raise InvalidParameter(f"Param now cannot be: {trouble}.") from None

    def _time(self) -> ClockTold:
        now = self._clock()
        seconds, rest = divmod(now, SECOND)
        at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
        return ClockTold(at.isoformat(timespec="microseconds"), now, self._clock.is_stopped)

    # -- users who write

    async def _inbound(self, request: Request) -> InboundDone:
        said = decoded(await _body(request), Inbound)
        message = said.message or {"type": "text", "text": {"body": said.text}}
        message_id = said.message_id or "wamid." + secrets.token_urlsafe(24)
        async with self._development.served() as wired:
            number = await self._number(wired, said.phone_number_id)
            sender = _sender(wired, number, said)
            blocked = (await wired.block_list.in_force(number, [sender]))[0] is not None
            has_receiver = bool(await wired.routes.listed(number.phone_number_id))
            status, answer = 200, {"success": True}
            if blocked or has_receiver:  # else nobody is there to take it, and nobody has to be
                body = inbound.webhook(number, sender, message, message_id, said.name, self._clock())
                status, answer = await self._deliver(wired, body)
            # The gate writes behind the request who wrote when: here it is certain before the answer.
            user = wire.User(sender.wa_id and "+" + sender.wa_id, sender.user_id)
            await wired.block_list.note_inbound(number, [user], None)
        return InboundDone(message_id, blocked, status == 200 and has_receiver and not blocked, status, answer)

    async def _number(self, wired: Wired, phone_number_id: str | None) -> BusinessNumber:
        settings = self._development.settings
        number_id = phone_number_id or settings.phone_number_id
        found = await wired.store.find_number(number_id)
        if found is None and settings.strict_numbers:
            raise UnknownObject("POST", number_id)
        return found or BusinessNumber(number_id, DEV_ACCOUNT_ID)

    async def _deliver(self, wired: Wired, body: bytes) -> tuple[int, Any]:
        """Post a webhook to the gate, as Meta would, and tell what it answers."""
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-hub-signature-256", sign(self._development.app_secret, body).encode()),
        ]
        scope = {
            "type": "http",
            "method": "POST",
            "path": webhooks.PATH,
            "query_string": b"",
            "headers": headers,
            "scheme": "http",
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await wired.application(scope, receive, send)
        return sent[0]["status"], msgspec.json.decode(b"".join(message.get("body", b"") for message in sent))

    async def _set_downstream(self, request: Request) -> None:
        said = decoded(await _body(request), SetDownstream)
        async with self._development.served() as wired:
            number = await self._number(wired, said.phone_number_id)
            await wired.store.add_number(number, self._clock())
            for before in await wired.routes.listed(number.phone_number_id):
                await wired.routes.remove_downstream(number.phone_number_id, before.downstream_id)
            if said.url is not None:
                new = NewDownstream(url=said.url, may_be_inside=True)
                await wired.routes.add_downstream(number.account_id, number.phone_number_id, new)

    # -- failures and the journal

    async def _list_faults(self, _: Request) -> Any:
        return {"data": self._faults.listed()}

    async def _add_fault(self, request: Request) -> Any:
        try:
            return self._faults.add(decoded(await _body(request), Fault))
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


def _sender(wired: Wired, number: BusinessNumber, said: Inbound) -> Member:
    user = wire.user_of(said.sender)
    user.user_id = user.user_id or said.user_id
    members, failed = wired.block_list.members(number, [user])
    if failed:
        raise InvalidParameter("Param from names nobody.", failed[0].errors[0].error_data.details)
    return members[0]


async def _body(request: Request) -> bytes:
    return await requests.body(request.receive, requests.headers(request.scope), _LARGEST_BODY)


async def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        error = UnsupportedMethod(request.method) if error.status_code == 405 else UnknownPath(request.url.path)
    if not isinstance(error, GraphError):
        raise error
    return response(failure(error, request_ids(), answering_version(None)))
