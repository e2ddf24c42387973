"""`/dev/inbound` and `/dev/downstream`: users who write, and who hears them."""

import secrets
from typing import Annotated, Any

import msgspec

from wablock.block_list.ports import BusinessNumber, Member
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, UnknownObject
from wablock.gate.routes.downstreams import NewDownstream
from wablock.gate.webhook.signature import sign
from wablock.kit import inbound
from wablock.kit.dev_requests import DevHandler, said
from wablock.kit.development import Development
from wablock.kit.seeds import SeedNumberId
from wablock.public_address import BadAddress, checked_url
from wablock.server.endpoints import webhooks
from wablock.server.request import Request
from wablock.server.request import request as new_request
from wablock.settings import DEV_ACCOUNT_ID
from wablock.wiring import Wired


class NewInbound(msgspec.Struct, forbid_unknown_fields=True):
    """A message from a user. `message` is the message's own part, as Meta has it; None: `text`."""

    sender: str = msgspec.field(name="from")
    phone_number_id: SeedNumberId | None = None
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
    """`url` None: webhooks go to no receiver. `timeout` None: as the server was started."""

    url: Annotated[str, msgspec.Meta(pattern="^https?://", max_length=2_000)] | None = None
    phone_number_id: SeedNumberId | None = None
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60)] | None = None


class UserRoutes:
    def __init__(self, development: Development) -> None:
        self._development = development
        self._clock = development.clock

    def routes(self) -> dict[tuple[str, str], DevHandler]:
        return {("POST", "/dev/inbound"): self._inbound, ("PUT", "/dev/downstream"): self._set_downstream}

    async def _inbound(self, request: Request) -> InboundDone:
        told = await said(request, NewInbound)
        message = told.message or {"type": "text", "text": {"body": told.text}}
        message_id = told.message_id or "wamid." + secrets.token_urlsafe(24)
        async with self._development.served() as wired:
            number = await self._number(wired, told.phone_number_id)
            sender = _sender(wired, number, told)
            blocked = (await wired.block_list.in_force(number, [sender]))[0] is not None
            has_receiver = bool(await wired.routes.downstreams.infos(number.phone_number_id))
            status, answer = 200, {"success": True}
            if blocked or has_receiver:  # else nobody is there to take it, and nobody has to be
                body = inbound.webhook(number, sender, message, message_id, told.name, self._clock())
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
            (b"x-hub-signature-256", sign(self._development.app_secret, body).encode()),
        ]
        answer = await wired.application(new_request("POST", webhooks.PATH, headers, body))
        return answer.status, msgspec.json.decode(answer.body)

    async def _set_downstream(self, request: Request) -> None:
        told = await said(request, SetDownstream)
        if told.url is not None:
            _check_address(told.url)
        async with self._development.served() as wired:
            number = await self._number(wired, told.phone_number_id)
            await wired.store.add_number(number, self._clock())
            for before in await wired.routes.downstreams.infos(number.phone_number_id):
                await wired.routes.downstreams.remove(number.phone_number_id, before.downstream_id)
            if told.url is not None:
                timeout = told.timeout or self._development.settings.downstream_timeout
                new = NewDownstream(url=told.url, timeout=timeout, may_be_inside=True)
                await wired.routes.downstreams.add(number.account_id, number.phone_number_id, new)


def _check_address(url: str) -> None:
    try:
        checked_url(url)
    except BadAddress as trouble:
        raise InvalidParameter("Param url cannot be used.", str(trouble)) from None


def _sender(wired: Wired, number: BusinessNumber, told: NewInbound) -> Member:
    user = wire.user_of(told.sender)
    user.user_id = user.user_id or told.user_id
    members, failed = wired.block_list.members(number, [user])
    if failed:
        raise InvalidParameter("Param from names nobody.", failed[0].errors[0].error_data.details)
    return members[0]
