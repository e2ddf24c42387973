"""A webhook on its way to the business: verified, learned from, freed of what blocked users sent, handed on."""

import asyncio
import hmac
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn, Protocol

from wablock.block_list.ports import BlockStore, BusinessNumber, Carry, InForce, Link, Member, Microseconds
from wablock.block_list.service import BlockList
from wablock.contract.errors import BlocklistInternalError, GraphError, InvalidParameter
from wablock.contract.number_plans import country_to_read_by
from wablock.failures import InvalidSignature, Overloaded
from wablock.gate.dashboard_test import DashboardTest
from wablock.gate.delivery import Delivery, Part
from wablock.gate.large_bodies import off_the_loop
from wablock.gate.last_inbound import LastInboundWriter
from wablock.gate.ports import Account, CannotUnseal, GateMeter, Numbers
from wablock.gate.recent_drops import RecentDrops
from wablock.gate.routes.accounts import Accounts
from wablock.gate.signing_secrets import SigningSecrets
from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange, kind_of, opens_window, sent_at
from wablock.gate.webhook.display_numbers import display_wa_id
from wablock.gate.webhook.items import Item
from wablock.gate.webhook.links import Notice, without_own
from wablock.gate.webhook.raw_json import UnreadableBody
from wablock.gate.webhook.senders import Ids, key_of, member_of
from wablock.gate.webhook.signature import looks_signed

_log = logging.getLogger("wablock.gate")

_SECOND = 1_000_000
_MOST_NUMBERS = 1_000  # of one webhook; Meta sends up to 1,000 updates, and each number is looked up
_CANNOT_BE_ASKED = "The block list cannot be asked. Send the webhook again."


class LearningNumbers(Numbers, Protocol):
    """Business numbers, whose display numbers are learned from webhooks."""

    async def learn_display_number(self, number: BusinessNumber, wa_id: str, country: str | None) -> None: ...


class Inbound:
    """Answers for a webhook: on return every required downstream has what is left of it."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        numbers: LearningNumbers,
        block_list: BlockList,
        store: BlockStore,
        delivery: Delivery,
        dashboard_test: DashboardTest,
        last_inbound: LastInboundWriter,
        drops: RecentDrops,
        meter: GateMeter,
        clock: Callable[[], Microseconds],
        pass_unchecked: bool = False,
    ) -> None:
        """`pass_unchecked`: whether a webhook goes on, marked, while the block list cannot be asked."""
        self._signing_secrets = SigningSecrets(accounts, numbers, meter)
        self._accounts = accounts
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

    def refuse_unsigned(self, signature: str) -> None:
        """Raises `InvalidSignature` for what cannot be a signature: then the body need not be read."""
        if not looks_signed(signature):
            self._meter.webhook("unsigned")
            raise InvalidSignature

    async def receive(self, body: bytes, signature: str) -> None:
        """Raises `InvalidSignature`, and `InvalidParameter` for what is no JSON object.

        Where the block list cannot be asked or a secret not be read, `Overloaded`; where a required downstream did not
        take it, `NotDelivered`: then the webhook is to be sent again.
        """
        try:
            secret = await self._signing_secrets.secret_of(body, signature)
            await self._pass_on(await off_the_loop(body, partial(Payload.parse, body)), signature, secret)
        except UnreadableBody as fault:
            self._meter.webhook("unreadable")
            raise InvalidParameter(str(fault)) from None
        except (BlocklistInternalError, Overloaded) as trouble:
            self._meter.webhook("unchecked")
            raise Overloaded(_CANNOT_BE_ASKED) from trouble
        except CannotUnseal as trouble:
            self._meter.webhook("sealed")
            _log.error("a webhook was refused: %s", trouble)
            raise Overloaded("The gate cannot read its secrets; its log says why. Send the webhook again.") from trouble

    async def _pass_on(self, payload: Payload, signature: str, secret: str) -> None:
        """`secret`: the one that signed it."""
        if await self._dashboard_test.passes(payload, secret):
            return
        parts = await self._parts(payload.changes, secret)
        blocked, unchecked = await self._blocked(payload, parts)
        forwarded = await self._delivery.deliver(payload, parts, signature, blocked, unchecked=unchecked)
        self._meter.webhook("forwarded" if forwarded else "dropped")

    async def _parts(self, changes: Sequence[WebhookChange], secret: str) -> list[Part]:
        parts: dict[tuple[str | None, str | None, bool], list[Part]] = {}
        for change in changes:
            about = change.phone_number_id, change.entry_id, change.is_of_a_number
            if about not in parts:
                if len(parts) == _MOST_NUMBERS:
                    raise UnreadableBody(f"The body speaks of more than {_MOST_NUMBERS} numbers and accounts.")
                parts[about] = await self._begun_by(change, secret)
            for part in parts[about]:
                part.changes.append(change)
        return [part for its in parts.values() for part in its]

    async def _begun_by(self, change: WebhookChange, secret: str) -> list[Part]:
        """The parts that this change begins: one, but where nothing says whose it is.

        Every account that the webhook speaks of must have signed it: one's secret opens no way to another's.
        """
        number = await self._numbers.find_number(change.phone_number_id) if change.phone_number_id else None
        account_id = change.entry_id if number is None else number.account_id
        account = await self._accounts.find(account_id) if account_id else None
        if number is None and (account is None or account.app_secret is None):
            account = await self._accounts.only_signer()  # a number or an entry that is not registered here
        if account is None and change.is_empty:
            accounts = [it for it in await self._accounts.signers() if _is(secret, it.app_secret)]
        elif account is not None and _is(secret, account.app_secret):
            accounts = [account]
        else:
            accounts = []
        if not accounts:
            self._refuse(change, account)
        return [Part([], it, number, change.phone_number_id, is_of_a_number=change.is_of_a_number) for it in accounts]

    def _refuse(self, change: WebhookChange, account: Account | None) -> NoReturn:
        if account is not None and account.app_secret is not None:
            self._meter.webhook("badly_signed")
        else:
            self._meter.webhook("unknown")
            _log.warning(
                "a webhook was refused: its account has no app secret here; set it with: wablock account set",
                extra={"phone_number_id": change.phone_number_id, "entry": change.entry_id},
            )
        raise InvalidSignature

    async def _blocked(self, payload: Payload, parts: Sequence[Part]) -> tuple[set[int], bool]:
        """The ids of the items that blocked users sent, and whether nobody could be asked about some."""
        now = self._clock()
        try:
            for part in parts:
                await self._learn_number(part)
                await self._learn(part, now)
            return {found for part in parts for found in await self._blocked_items(payload, part, now)}, False
        except GraphError as trouble:
            if not self._pass_unchecked:
                raise Overloaded(_CANNOT_BE_ASKED) from trouble
            self._meter.unchecked()
            return set(), True

    async def _blocked_items(self, payload: Payload, part: Part, now: Microseconds) -> set[int]:
        number = part.number
        if number is None:
            return set()
        sent = [
            (change, item, member)
            for change in part.changes
            for item in change.items
            if (member := member_of(item)) is not None
        ]
        wrote = [(item, member) for _, item, member in sent if opens_window(item)]
        # Behind the request: while the downstream is at work.
        asyncio.get_running_loop().call_soon(self._note, number, wrote, now)
        sent += (
            (change, item, member)
            for change in part.changes
            if change.others
            for item in change.items
            for ids in change.others.get(id(item), ())
            if (member := member_of(ids)) is not None
        )
        if not sent:
            return set()
        found: Sequence[InForce | None] = await self._block_list.in_force(number, [member for *_, member in sent])
        dropped = {
            id(its[1]): its for its, block in zip(sent, found, strict=True) if block is not None
        }  # once, though two of its senders may be blocked
        for change, item, member in dropped.values():
            self._drops.add(number, now, member, kind_of(item), payload.size(change, item))
        return set(dropped)

    def _note(self, number: BusinessNumber, wrote: Sequence[tuple[Item, Member]], now: Microseconds) -> None:
        self._last_inbound.note(number, [(member, _wrote_at(item, now)) for item, member in wrote])

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
        own = None if part.number is None else key_of(part.number.wa_id)
        links: list[Ids] = []
        for change in part.changes:
            if change.notices:
                await self._learn_links(account_id, links, now)
                links = []
                await self._carry(account_id, change.notices, now)
            links += (without_own(ids, own) for ids in change.links)
        await self._learn_links(account_id, links, now)

    async def _carry(self, account_id: str, notices: Sequence[Notice], now: Microseconds) -> None:
        for notice in notices:
            previous, current = member_of(notice.previous), member_of(notice.current)
            if previous is not None and current is not None:
                await self._store.apply(Carry(account_id, now, previous, current))
            else:  # a known parent id may say whose new user_id it is
                await self._learn_links(account_id, [notice.current], now)

    async def _learn_links(self, account_id: str, links: Sequence[Ids], now: Microseconds) -> None:
        # Asked every time: a link may have moved meanwhile, and not by this process.
        shown = [member for ids in links if (member := member_of(ids)) is not None and member.links]
        unknown = await self._store.unlinked(account_id, shown) if shown else ()
        if unknown:
            await self._store.apply(Link(account_id, now, unknown))


def _wrote_at(item: Item, now: Microseconds) -> Microseconds:
    """When the user wrote, also where the webhook comes again days later; never later than now."""
    seconds = sent_at(item)
    return now if seconds is None else min(seconds * _SECOND, now)


def _is(secret: str, other: str | None) -> bool:
    return other is not None and hmac.compare_digest(secret.encode(), other.encode())
