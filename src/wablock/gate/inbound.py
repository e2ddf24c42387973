"""A webhook on its way to the business: verified, learned from, freed of what blocked users sent, handed on."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from wablock.block_list.ports import BlockStore, BusinessNumber, Carry, InForce, Link, Member, Microseconds
from wablock.block_list.service import BlockList
from wablock.contract.errors import BlocklistInternalError, GraphError, InvalidParameter, InvalidSignature, Overloaded
from wablock.contract.number_plans import country_to_read_by
from wablock.gate.changes import Change, Item, Notice
from wablock.gate.dashboard_test import DashboardTest
from wablock.gate.delivery import Delivery, Part
from wablock.gate.display_numbers import display_wa_id
from wablock.gate.drops import RecentDrops
from wablock.gate.last_inbound import LastInbound
from wablock.gate.payload import Payload
from wablock.gate.pieces import Unreadable
from wablock.gate.ports import Account, CannotUnseal, GateMeter
from wablock.gate.routes import Routes
from wablock.gate.senders import ShownId, member_of, members_of
from wablock.gate.signature import is_signed, looks_signed

_log = logging.getLogger("wablock.gate")

_SECOND = 1_000_000
_CANNOT_BE_ASKED = "The block list cannot be asked. Send the webhook again."


class Numbers(Protocol):
    """Who knows the business numbers."""

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None: ...

    async def learn_display_number(self, number: BusinessNumber, wa_id: str, country: str | None) -> None: ...


class Inbound:
    """Answers for a webhook: on return every required downstream has what is left of it."""

    def __init__(
        self,
        *,
        routes: Routes,
        numbers: Numbers,
        block_list: BlockList,
        store: BlockStore,
        delivery: Delivery,
        dashboard_test: DashboardTest,
        last_inbound: LastInbound,
        drops: RecentDrops,
        meter: GateMeter,
        clock: Callable[[], Microseconds],
        pass_unchecked: bool = False,
    ) -> None:
        """`pass_unchecked`: whether a webhook goes on, marked, while the block list cannot be asked."""
        self._routes = routes
        self._numbers = numbers
        self._block_list = block_list
        self._store = store
        self._delivery = delivery
        self._dashboard_test = dashboard_test
        self._last_inbound = last_inbound
        self._drops = drops
        self._meter = meter
        self._clock = clock
        self._pass_unchecked = pass_unchecked

    async def receive(self, body: bytes, signature: str | None) -> None:
        """Raises `InvalidSignature`, and `InvalidParameter` for what is no JSON object.

        Where the block list cannot be asked or a secret not be read, `Overloaded`; where a required downstream did not
        take it, `NotDelivered`: then the webhook is to be sent again.
        """
        if signature is None or not looks_signed(signature):
            self._meter.webhook("unsigned")
            raise InvalidSignature
        try:
            await self._pass_on(Payload.parse(body), body, signature)
        except Unreadable:
            self._meter.webhook("unreadable")
            raise InvalidParameter("The body must be a JSON object.") from None
        except (BlocklistInternalError, Overloaded) as trouble:
            self._meter.webhook("unchecked")
            raise Overloaded(_CANNOT_BE_ASKED) from trouble
        except CannotUnseal as trouble:
            self._meter.webhook("sealed")
            _log.error("a webhook was refused: %s", trouble)
            raise Overloaded("The gate cannot read its secrets; its log says why. Send the webhook again.") from trouble

    async def _pass_on(self, payload: Payload, body: bytes, signature: str) -> None:
        if await self._dashboard_test.passes(payload.changes, body, signature):
            return
        parts = await self._parts(payload.changes)
        self._verify(parts, await self._routes.only_signer() if not parts else None, body, signature)
        blocked, unchecked = await self._blocked(parts)
        forwarded = await self._delivery.deliver(payload, parts, signature, blocked, unchecked=unchecked)
        self._meter.webhook("forwarded" if forwarded else "dropped")

    async def _parts(self, changes: Sequence[Change]) -> list[Part]:
        parts: dict[tuple[str | None, str | None], Part] = {}
        for change in changes:
            about = change.phone_number_id, change.entry_id
            part = parts.get(about)
            if part is None:
                part = parts[about] = await self._part(change)
            part.changes.append(change)
        return list(parts.values())

    async def _part(self, change: Change) -> Part:
        """The part that this change begins."""
        number = await self._numbers.find_number(change.phone_number_id) if change.phone_number_id else None
        if number is not None:
            account = await self._routes.account(number.account_id)
        else:
            account = await self._routes.account(change.entry_id) if change.entry_id else None
            if account is None or account.app_secret is None:  # a number or an entry that nobody has named here
                account = await self._routes.only_signer()
        if account is None or account.app_secret is None:
            self._meter.webhook("unknown")
            _log.warning(
                "a webhook was refused: its account has no app secret here; set it with: wablock account set",
                extra={"phone_number_id": change.phone_number_id, "entry": change.entry_id},
            )
            raise InvalidSignature
        return Part([], account, number, change.phone_number_id)

    def _verify(self, parts: Sequence[Part], signer: Account | None, body: bytes, signature: str) -> None:
        """Every account that the webhook speaks of must have signed it: one's secret opens no way to another's."""
        secrets = {part.account.app_secret for part in parts} | ({signer.app_secret} if signer else set())
        if not secrets or not all(secret and is_signed(secret, body, signature) for secret in secrets):
            self._meter.webhook("badly_signed")
            raise InvalidSignature

    async def _blocked(self, parts: Sequence[Part]) -> tuple[set[int], bool]:
        """The ids of the items that blocked users sent, and whether nobody could be asked about some."""
        now = self._clock()
        try:
            for part in parts:
                await self._learn_number(part)
                await self._learn(part, now)
            return {found for part in parts for found in await self._blocked_items(part, now)}, False
        except GraphError as trouble:
            if not self._pass_unchecked:
                raise Overloaded(_CANNOT_BE_ASKED) from trouble
            self._meter.unchecked()
            return set(), True

    async def _blocked_items(self, part: Part, now: Microseconds) -> list[int]:
        number = part.number
        if number is None:
            return []
        sent = [
            (change, item, member)
            for change in part.changes
            for item in change.items
            if (member := member_of(item.wa_id, item.user_id)) is not None
        ]
        if not sent:
            return []
        # Behind the request: while the downstream is at work.
        asyncio.get_running_loop().call_soon(self._note, number, [(item, member) for _, item, member in sent], now)
        found: Sequence[InForce | None] = await self._block_list.in_force(number, [member for *_, member in sent])
        dropped = [its for its, block in zip(sent, found, strict=True) if block is not None]
        for change, item, member in dropped:
            self._drops.add(number.phone_number_id, now, member, item.kind, change.size(item))
        return [id(item) for _, item, _ in dropped]

    def _note(self, number: BusinessNumber, sent: Sequence[tuple[Item, Member]], now: Microseconds) -> None:
        self._last_inbound.note(number, [(member, _sent_at(item, now)) for item, member in sent])

    async def _learn_number(self, part: Part) -> None:
        """The business number's own number and country, where its operator has not set them."""
        number = part.number
        if number is None or (number.wa_id is not None and number.country is not None):
            return
        wa_ids = (display_wa_id(change.display_number) for change in part.changes)
        if wa_id := next(filter(None, wa_ids), None):
            await self._numbers.learn_display_number(number, wa_id, country_to_read_by(wa_id))

    async def _learn(self, part: Part, now: Microseconds) -> None:
        """Links and changed ids, in their order; what is learned is durable before anything is forwarded."""
        account_id = part.account.account_id
        links: list[tuple[ShownId, str]] = []
        for change in part.changes:
            if change.notices:
                await self._learn_links(account_id, links, now)
                links = []
                await self._carry(account_id, change.notices, now)
            links += change.links
        await self._learn_links(account_id, links, now)

    async def _carry(self, account_id: str, notices: Sequence[Notice], now: Microseconds) -> None:
        for notice in notices:
            users = members_of(notice.previous, notice.current)
            if users is not None:
                await self._store.apply(Carry(account_id, now, *users))

    async def _learn_links(self, account_id: str, links: Sequence[tuple[ShownId, str]], now: Microseconds) -> None:
        # Asked every time: a link may have moved meanwhile, and not by this process.
        shown = [member for link in links if (member := member_of(*link)) is not None and member.links]
        unknown = await self._store.unlinked(account_id, shown) if shown else ()
        if unknown:
            await self._store.apply(Link(account_id, now, unknown))


def _sent_at(item: Item, now: Microseconds) -> Microseconds:
    """When the user wrote, also where the webhook comes again days later; never later than now."""
    sent_at = item.sent_at
    return now if sent_at is None else min(sent_at * _SECOND, now)
