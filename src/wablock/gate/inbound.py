"""The way of a webhook to the business: verify it, learn ids, drop messages of blocked users, deliver the rest."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NoReturn, Protocol, TypeAlias

from wablock.block_list.ports import BusinessNumber, InForce, Member, Microseconds
from wablock.block_list.rules import SECOND
from wablock.block_list.service import BlockList
from wablock.contract.errors import BlocklistInternalError, GraphError, InvalidParameter
from wablock.contract.number_plans import country_to_read_by
from wablock.failures import InvalidSignature, Overloaded
from wablock.gate.account_receivers import receivers_of_signer
from wablock.gate.account_shares import ShareTaken
from wablock.gate.account_store import Account
from wablock.gate.dashboard_test import DashboardTest, may_be_sample
from wablock.gate.delivery import Delivery, Part, Signed
from wablock.gate.large_bodies import LARGE, off_the_loop
from wablock.gate.last_inbound import LastInboundWriter
from wablock.gate.ports import CannotUnseal, GateMeter, Numbers
from wablock.gate.recent_drops import RecentDrops
from wablock.gate.routes.accounts import Accounts
from wablock.gate.signing_secrets import Signer, SigningSecrets, missing_secret
from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange, kind_of, opens_window, sent_at
from wablock.gate.webhook.display_numbers import display_wa_id
from wablock.gate.webhook.items import Item
from wablock.gate.webhook.links import Notice, without_own
from wablock.gate.webhook.raw_json import UnreadableBody
from wablock.gate.webhook.senders import Ids, key_of, member_of
from wablock.gate.webhook.signature import looks_signed

_log = logging.getLogger("wablock.gate")

_MOST_NUMBERS = 1_000  # of one webhook; Meta sends up to 1,000 updates, and each number is looked up
_NO_BLOCK_LIST = "The block list cannot be read. Send the webhook again."

_Sender: TypeAlias = tuple[WebhookChange, Item, Member]
"""A user who sent an item, or may have."""


class LearningNumbers(Numbers, Protocol):
    """The registered business numbers, which learn their display numbers from webhooks."""

    async def learn_display_number(self, number: BusinessNumber, wa_id: str, country: str | None) -> None: ...


class Inbound:
    """Handles webhooks. When `receive` returns, every required downstream has the messages that were not dropped."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        numbers: LearningNumbers,
        block_list: BlockList,
        delivery: Delivery,
        dashboard_test: DashboardTest,
        last_inbound: LastInboundWriter,
        drops: RecentDrops,
        meter: GateMeter,
        clock: Callable[[], Microseconds],
        pass_unchecked: bool = False,
    ) -> None:
        """`pass_unchecked`: whether to forward a webhook, with a mark, while the block list cannot be read."""
        self._signing_secrets = SigningSecrets(accounts, numbers, meter)
        self._accounts = accounts
        self._numbers = numbers
        self._block_list = block_list
        self._delivery = delivery
        self._dashboard_test = dashboard_test
        self._last_inbound = last_inbound
        self._drops = drops
        self._meter = meter
        self._clock = clock
        self._pass_unchecked = pass_unchecked

    def refuse_unsigned(self, signature: str) -> None:
        """Raises `InvalidSignature` if this text cannot be a signature. Then the body need not be read."""
        if not looks_signed(signature):
            self._meter.webhook("unsigned")
            raise InvalidSignature

    async def receive(self, body: bytes, signature: str) -> None:
        """Handle one webhook. Raises `InvalidSignature`, and `InvalidParameter` if the gate cannot read the body.

        Raises `Overloaded` if the block list or a secret cannot be read, or too many webhooks of the account wait; and
        `NotDelivered` if a required downstream did not accept the webhook. Then the sender has to send it again.
        """
        signature = signature.lower()  # as Meta writes it: a receiver may compare the text
        try:
            signer = await self._signing_secrets.signer_of(body, signature)
            parse = partial(Payload.parse, body)
            payload = parse() if len(body) < LARGE else await off_the_loop(body, parse)
            await self._forward(payload, signature, signer)
        except ShareTaken:
            self._meter.webhook("waiting")
            raise
        except UnreadableBody as error:
            self._meter.webhook("unreadable")
            raise InvalidParameter(str(error)) from None
        except (BlocklistInternalError, Overloaded) as error:
            self._meter.webhook("unchecked")
            raise Overloaded(_NO_BLOCK_LIST) from error
        except CannotUnseal as error:
            self._meter.webhook("sealed")
            _log.error("a webhook was refused: %s", error)
            raise Overloaded(
                "The gate cannot read its secrets; its log shows the reason. Send the webhook again."
            ) from error

    async def _forward(self, payload: Payload, signature: str, signer: Signer) -> None:
        if may_be_sample(payload) and await self._dashboard_test.passes(payload, signer.secret):
            return
        parts = await self._parts(payload.changes, signer)
        blocked, unchecked = await self._blocked(payload, parts)
        forwarded = await self._delivery.deliver(
            payload, parts, Signed(signature, signer.secret), blocked, unchecked=unchecked
        )
        self._meter.webhook("forwarded" if forwarded else "dropped")

    async def _parts(self, changes: Sequence[WebhookChange], signer: Signer) -> list[Part]:
        if len(changes) == 1:  # as in most webhooks
            return await self._parts_of([changes[0]], signer)
        groups: dict[tuple[str | None, str | None, bool], list[WebhookChange]] = {}
        for change in changes:
            key = change.phone_number_id, change.entry_id, change.is_of_a_number
            group = groups.get(key)
            if group is None:
                groups[key] = [change]
            else:
                group.append(change)
        if len(groups) > _MOST_NUMBERS:
            raise UnreadableBody(f"The body names more than {_MOST_NUMBERS} numbers and accounts.")
        return [part for group in groups.values() for part in await self._parts_of(group, signer)]

    async def _parts_of(self, changes: list[WebhookChange], signer: Signer) -> list[Part]:
        """The part of these changes, which name the same number and account; or several parts, if nothing shows which
        account they are for.

        Every account that the webhook names must have the secret that signed it. So the owner of one account cannot
        send webhooks to another.
        """
        change = changes[0]
        number, account = signer.number, signer.account
        if number is None or account is None or number.phone_number_id != change.phone_number_id:
            number = await self._numbers.find_number(change.phone_number_id) if change.phone_number_id else None
            account = await self._account_of(change, number)
        if account is None and change.is_empty:
            accounts = [it for it in await self._accounts.signers() if signer.secret in it.secrets]
        elif account is not None and signer.signs_for(account, number, change.entry_id):
            accounts = [account]
        else:
            accounts = []
        if not accounts:
            self._refuse(change, number, account)
        return [
            Part(
                changes,
                it,
                number,
                change.phone_number_id,
                change.is_of_a_number,
                receivers_of_signer(self._numbers, it, signer.secret, change.entry_id),
            )
            for it in accounts
        ]

    async def _account_of(self, change: WebhookChange, number: BusinessNumber | None) -> Account | None:
        if number is not None:
            return await self._accounts.find(number.account_id)
        account = await self._accounts.of_entry(change.entry_id) if change.entry_id else None
        if account is None or not account.secrets:
            return await self._accounts.only_signer()  # the number or the entry is not registered here
        return account

    def _refuse(self, change: WebhookChange, number: BusinessNumber | None, account: Account | None) -> NoReturn:
        reason = missing_secret(account, number, change.entry_id)
        if reason is None:
            self._meter.webhook("badly_signed")
        else:
            self._meter.webhook("unknown")
            _log.warning(
                "a webhook was refused: %s",
                reason,
                extra={
                    "phone_number_id": change.phone_number_id,
                    "entry": change.entry_id,
                    "account_id": None if account is None else account.account_id,
                },
            )
        raise InvalidSignature

    async def _blocked(self, payload: Payload, parts: Sequence[Part]) -> tuple[set[int], bool]:
        """The items that blocked users sent, by `id()`; and whether the block list could not be read."""
        now = self._clock()
        blocked: set[int] = set()
        try:
            for part in parts:
                await self._learn(part)
            for part in parts:
                if part.number is not None:
                    blocked.update(await self._blocked_items(payload, part.changes, part.number, now))
        except GraphError as error:
            if not self._pass_unchecked:
                raise Overloaded(_NO_BLOCK_LIST) from error
            self._meter.unchecked()
            return set(), True
        return blocked, False

    async def _blocked_items(
        self, payload: Payload, changes: Sequence[WebhookChange], number: BusinessNumber, now: Microseconds
    ) -> Iterable[int]:
        senders: list[_Sender] = []
        others: list[_Sender] = []
        for change in changes:
            for item in change.items:
                member = member_of(item)
                if member is not None:
                    senders.append((change, item, member))
            if change.others:
                others += _others_of(change, change.others)
        # Runs later, while the downstream handles the webhook, so that the webhook does not wait for it.
        asyncio.get_running_loop().call_soon(self._note, number, senders, now)
        possible_senders = senders + others
        if not possible_senders:
            return ()
        members = [member for _, _, member in possible_senders]
        blocks: Sequence[InForce | None] = await self._block_list.in_force(number, members)
        dropped = {
            id(sender[1]): sender for sender, block in zip(possible_senders, blocks, strict=True) if block is not None
        }  # each item once, even if two of its possible senders are blocked
        for change, item, member in dropped.values():
            self._drops.add(number, now, member, kind_of(item), payload.size(change, item))
        return dropped

    def _note(self, number: BusinessNumber, senders: Sequence[_Sender], now: Microseconds) -> None:
        times = [(member, _time_of(item, now)) for _, item, member in senders if opens_window(item)]
        self._last_inbound.note(number, times)

    async def _learn(self, part: Part) -> None:
        """Learn what the part shows and is not known yet. It is durable before anything is forwarded."""
        number = part.number
        if number is not None and (number.wa_id is None or number.country is None):
            await self._learn_number(number, part.changes)
        for change in part.changes:
            if change.links or change.notices:
                await self._learn_users(part)
                break

    async def _learn_number(self, number: BusinessNumber, changes: Sequence[WebhookChange]) -> None:
        """Learn the phone number and the country of the business number, if its operator has not set them.

        If the database cannot store them now, the next webhook shows them again.
        """
        wa_ids = (display_wa_id(change.display_number) for change in changes)
        if wa_id := next(filter(None, wa_ids), None):
            with contextlib.suppress(BlocklistInternalError, Overloaded):
                await self._numbers.learn_display_number(number, wa_id, country_to_read_by(wa_id))

    async def _learn_users(self, part: Part) -> None:
        """Learn links and changed ids, in their order."""
        account_id = part.account.account_id
        own = None if part.number is None else key_of(part.number.wa_id)
        links: list[Ids] = []
        for change in part.changes:
            if change.notices:
                await self._learn_links(account_id, links)
                links = []
                await self._carry(account_id, change.notices)
            links += (without_own(ids, own) for ids in change.links)
        await self._learn_links(account_id, links)

    async def _carry(self, account_id: str, notices: Sequence[Notice]) -> None:
        for notice in notices:
            previous, current = member_of(notice.previous), member_of(notice.current)
            if previous is not None and current is not None:
                await self._block_list.carry(account_id, previous, current)
            else:  # if the parent id is known, it shows which user the new user_id belongs to
                await self._learn_links(account_id, [notice.current])

    async def _learn_links(self, account_id: str, links: Sequence[Ids]) -> None:
        await self._block_list.learn(account_id, [member for ids in links if (member := member_of(ids)) is not None])


def _others_of(change: WebhookChange, others: Mapping[int, Sequence[Ids]]) -> Iterator[_Sender]:
    """The other users that a receiver may take for the sender of an item. `others`: see `WebhookChange`."""
    for item in change.items:
        for ids in others.get(id(item), ()):
            if (member := member_of(ids)) is not None:
                yield change, item, member


def _time_of(item: Item, now: Microseconds) -> Microseconds:
    """The time when the user wrote, even if the webhook is sent again days later. It is never after `now`."""
    seconds = sent_at(item)
    return now if seconds is None or seconds * SECOND > now else seconds * SECOND
