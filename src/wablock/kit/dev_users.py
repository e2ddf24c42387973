"""`/dev/inbound` and `/dev/downstream`: simulated messages from users, and their receiver."""

import secrets
from typing import Annotated, Any

import msgspec

from wablock.block_list.ports import BusinessNumber, Member
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, UnknownObject
from wablock.gate.routes.downstreams import NewDownstream
from wablock.gate.webhook.signature import sign
from wablock.kit import inbound
from wablock.kit.dev_requests import DevHandler, read_body
from wablock.kit.development import Development
from wablock.kit.seeds import SeedNumberId
from wablock.public_address import BadAddress, checked_url
from wablock.server.endpoints import webhooks
from wablock.server.request import Request
from wablock.server.request import request as new_request
from wablock.settings import DEV_ACCOUNT_ID
from wablock.wiring import Wired


class NewInbound(msgspec.Struct, forbid_unknown_fields=True):
    """A message from a user. `message` has the fields of Meta's message object; None: a message with `text`."""

    sender: str = msgspec.field(name="from")
    phone_number_id: SeedNumberId | None = None
    user_id: str | None = None
    text: str = "Hello"
    name: str = "A user"
    message: dict[str, Any] | None = None
    message_id: str | None = None


class InboundOutcome(msgspec.Struct, frozen=True):
    """The outcome of a message: `dropped` if its sender is blocked, `delivered` if a receiver accepted it.

    `status` and `answer` are the gate's response to the webhook; 502 if a receiver did not accept it.
    """

    message_id: str
    dropped: bool
    delivered: bool
    status: int
    answer: Any


class SetDownstream(msgspec.Struct, forbid_unknown_fields=True):
    """`url` None: no receiver. `timeout` None: the value of `--downstream-timeout`."""

    url: Annotated[str, msgspec.Meta(pattern="^https?://", max_length=2_000)] | None = None
    phone_number_id: SeedNumberId | None = None
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60)] | None = None


class UserRoutes:
    def __init__(self, development: Development) -> None:
        self._development = development
        self._clock = development.clock

    def routes(self) -> dict[tuple[str, str], DevHandler]:
        return {("POST", "/dev/inbound"): self._inbound, ("PUT", "/dev/downstream"): self._set_downstream}

    async def _inbound(self, request: Request) -> InboundOutcome:
        body = await read_body(request, NewInbound)
        message = body.message or {"type": "text", "text": {"body": body.text}}
        message_id = body.message_id or "wamid." + secrets.token_urlsafe(24)
        async with self._development.served() as wired:
            number = await self._number(wired, body.phone_number_id)
            sender = _sender(wired, number, body)
            blocked = (await wired.block_list.in_force(number, [sender]))[0] is not None
            has_receiver = bool(await wired.routes.downstreams.infos(number.phone_number_id))
            status, answer = 200, {"success": True}
            if blocked or has_receiver:  # without a receiver, the gate would refuse the webhook
                payload = inbound.webhook(number, sender, message, message_id, body.name, self._clock())
                status, answer = await self._deliver(wired, payload)
            # The gate stores the time only after its response, and a test may need it earlier.
            user = wire.User(sender.wa_id and "+" + sender.wa_id, sender.user_id)
            await wired.block_list.note_inbound(number, [user], None)
        return InboundOutcome(message_id, blocked, status == 200 and has_receiver and not blocked, status, answer)

    async def _number(self, wired: Wired, phone_number_id: str | None) -> BusinessNumber:
        settings = self._development.settings
        number_id = phone_number_id or settings.phone_number_id
        number = await wired.store.find_number(number_id)
        if number is None and settings.strict_numbers:
            raise UnknownObject("POST", number_id)
        return number or BusinessNumber(number_id, DEV_ACCOUNT_ID)

    async def _deliver(self, wired: Wired, payload: bytes) -> tuple[int, Any]:
        """Post a webhook to the gate as Meta would; returns the gate's status and response."""
        headers = [
            (b"content-type", b"application/json"),
            (b"x-hub-signature-256", sign(self._development.app_secret, payload).encode()),
        ]
        answer = await wired.application(new_request("POST", webhooks.PATH, headers, payload))
        return answer.status, msgspec.json.decode(answer.body)

    async def _set_downstream(self, request: Request) -> None:
        body = await read_body(request, SetDownstream)
        if body.url is not None:
            _check_address(body.url)
        async with self._development.served() as wired:
            number = await self._number(wired, body.phone_number_id)
            await wired.store.add_number(number, self._clock())
            for info in await wired.routes.downstreams.infos(number.phone_number_id):
                await wired.routes.downstreams.remove(number.phone_number_id, info.downstream_id)
            if body.url is not None:
                timeout = body.timeout or self._development.settings.downstream_timeout
                new = NewDownstream(url=body.url, timeout=timeout, may_be_inside=True)
                await wired.routes.downstreams.add(number.account_id, number.phone_number_id, new)


def _check_address(url: str) -> None:
    try:
        checked_url(url)
    except BadAddress as error:
        raise InvalidParameter(f"Param url {url[:200]!r} is not a usable address.", str(error)) from None


def _sender(wired: Wired, number: BusinessNumber, body: NewInbound) -> Member:
    user = wire.user_of(body.sender)
    user.user_id = user.user_id or body.user_id
    members, failed = wired.block_list.members(number, [user])
    if failed:
        raise InvalidParameter(
            f"Param from must be a phone number with country code, such as +16505551234, not {body.sender[:100]!r}.",
            failed[0].errors[0].error_data.details,
        )
    return members[0]
