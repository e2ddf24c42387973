"""What is left of a webhook, to everybody who is to have it: required receivers are waited for, others are not."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import nullcontext
from functools import partial
from typing import Final

import msgspec

from wablock.block_list.ports import BusinessNumber
from wablock.failures import NotDelivered
from wablock.gate.account_shares import AccountShares
from wablock.gate.duplicates import Delivered, StillOnTheWay
from wablock.gate.ports import Account, DeliveryRefused, Downstream, Forwarder, GateMeter
from wablock.gate.retries import Attempt, WebhookRetries
from wablock.gate.routes.downstreams import Downstreams
from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange
from wablock.gate.webhook.items import Item
from wablock.gate.webhook.signature import sign

_log = logging.getLogger("wablock.gate")

# Best-effort posts under way; further ones are given up.
_MOST_WAITING: Final = 1_000
_MOST_WAITING_EACH: Final = 250  # of one account: its slow receivers take no other's place

SIGNATURE: Final = "x-hub-signature-256"
UNCHECKED: Final = "x-wablock-unchecked"


class Part(msgspec.Struct, frozen=True):
    """Changes of a webhook that are about one thing, in order, and whose they are.

    `phone_number_id` None: about the account as a whole, or, where they are `is_of_a_number`, about one that cannot be
    read. `number` None: of a number that is not known here.
    """

    changes: list[WebhookChange]
    account: Account
    number: BusinessNumber | None
    phone_number_id: str | None
    is_of_a_number: bool

    @property
    def items(self) -> Iterator[Item]:
        return (item for change in self.changes for item in change.items)


class _SignedWebhook(msgspec.Struct, frozen=True):
    """What the posts of one webhook have in common."""

    payload: Payload
    signature: str
    blocked: AbstractSet[int]
    unchecked: bool


class _Post(msgspec.Struct, frozen=True):
    webhook: _SignedWebhook
    downstream: Downstream
    parts: Sequence[Part]
    body: bytes
    headers: Mapping[str, str]
    items: Sequence[Item]

    @property
    def account_id(self) -> str:
        return self.parts[0].account.account_id


class Delivery:
    """Hands webhooks on."""

    def __init__(
        self,
        downstreams: Downstreams,
        forwarder: Forwarder,
        meter: GateMeter,
        shares: AccountShares,
        delivered: Delivered | None = None,
        *,
        refuse_unrouted: bool = True,
    ) -> None:
        """`delivered`: remembers message ids, so that what a receiver has is not sent to it again. `refuse_unrouted`:
        whether a webhook for a number without a downstream is refused, so that it comes again and nothing is lost.
        """
        self._downstreams = downstreams
        self._forwarder = forwarder
        self._meter = meter
        self._shares = shares
        self._delivered = delivered
        self._refuse_unrouted = refuse_unrouted
        self._retries = WebhookRetries()
        self._under_way: set[asyncio.Task[None]] = set()
        self._waiting: Counter[str] = Counter()

    async def deliver(
        self, payload: Payload, parts: Sequence[Part], signature: str, blocked: AbstractSet[int], *, unchecked: bool
    ) -> bool:
        """Returns once every required downstream has its part; False where nothing was left for any.

        Raises `NotDelivered` where one did not take it, `Overloaded` where too many of the account's webhooks
        wait. When the same webhook comes again, those that took it do not get it again.
        """
        webhook = _SignedWebhook(payload, signature, blocked, unchecked)
        targets = await self._targets(payload, parts, blocked)
        posts = [
            post for downstream, chosen in targets if (post := self._post(webhook, downstream, chosen)) is not None
        ]
        self._count(parts, blocked)
        with self._shares.one_for(parts[0].account.account_id) if posts else nullcontext():
            if len(posts) == 1 and posts[0].downstream.required and not self._retries:
                await self._send(posts[0])  # as nearly all webhooks go: no other receiver can fail
            else:
                await self._attempt(posts, self._retries.attempt(signature))
        return bool(posts)

    async def close(self) -> None:
        """Give up what nobody waits for."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _attempt(self, posts: Sequence[_Post], attempt: Attempt) -> None:
        due = [post for post in posts if not attempt.has(post.downstream.downstream_id)]
        try:
            await self._hand_over(due, attempt)
        except BaseException:  # cancelled, too: the server stops
            attempt.failed()
            raise
        attempt.succeeded()

    async def _hand_over(self, posts: Sequence[_Post], attempt: Attempt) -> None:
        required = [post for post in posts if post.downstream.required]
        for post in posts:
            if not post.downstream.required:
                self._send_behind(post, attempt)
        if len(required) == 1:
            await self._send(required[0], attempt)
        elif required:
            sending = [self._send(post, attempt) for post in required]
            for outcome in await asyncio.gather(*sending, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome

    async def _targets(
        self, payload: Payload, parts: Sequence[Part], blocked: AbstractSet[int]
    ) -> list[tuple[Downstream, list[Part]]]:
        """Who gets which parts: receivers that several numbers share get them in one piece."""
        targets: dict[object, tuple[Downstream, list[Part]]] = {}
        for part in parts:
            downstreams = await self._receivers_of(part)
            if not downstreams and self._refuse_unrouted and not _is_empty(payload, part, blocked):
                self._meter.webhook("unrouted")
                raise _unrouted(part)
            for downstream in downstreams:
                _, chosen = targets.setdefault(downstream.receiver, (downstream, []))
                chosen.append(part)
        return list(targets.values())

    async def _receivers_of(self, part: Part) -> Sequence[Downstream]:
        if part.number is not None:
            return await self._downstreams.of_number(part.number.phone_number_id)
        if not part.is_of_a_number:
            return await self._downstreams.for_account_events(part.account.account_id)
        return ()

    def _post(self, webhook: _SignedWebhook, downstream: Downstream, chosen: Sequence[Part]) -> _Post | None:
        """None where nothing is left for this receiver."""
        payload = webhook.payload
        drop = self._drops_for(downstream, webhook.blocked)
        body = payload.body([change for part in chosen for change in part.changes], drop)
        if body is None:
            return None
        app_secret = chosen[0].account.app_secret or ""
        if downstream.secret is None and body is payload.raw:
            signed = webhook.signature
        else:
            signed = sign(downstream.secret or app_secret, body)
        headers = {SIGNATURE: signed, UNCHECKED: "true"} if webhook.unchecked else {SIGNATURE: signed}
        items = [item for part in chosen for item in part.items if not drop(item)] if self._delivered else []
        return _Post(webhook, downstream, chosen, body, headers, items)

    def _drops_for(self, downstream: Downstream, blocked: AbstractSet[int]) -> Callable[[Item], bool]:
        delivered = self._delivered
        if delivered is None:
            return lambda item: id(item) in blocked
        target = downstream.downstream_id
        return lambda item: id(item) in blocked or delivered.has(target, item)

    async def _send(self, post: _Post, attempt: Attempt | None = None) -> None:
        downstream = post.downstream
        try:
            if self._delivered is None:
                await self._forwarder.post(downstream, post.body, post.headers)
            else:
                await self._send_once(self._delivered, post)
        except DeliveryRefused as refusal:
            self._meter.delivery(required=downstream.required, result="refused")
            _log.warning(
                "a downstream did not take a webhook: %s",
                refusal,
                extra={"phone_number_id": downstream.phone_number_id, "downstream_id": downstream.downstream_id},
            )
            raise NotDelivered(f"The downstream {downstream.downstream_id} did not take it: {refusal}") from refusal
        if attempt is not None:
            attempt.took(downstream.downstream_id)
        self._meter.delivery(required=downstream.required, result="taken")

    async def _send_once(self, delivered: Delivered, post: _Post) -> None:
        """Without the messages of which another copy has arrived meanwhile."""
        downstream = post.downstream
        left: _Post | None = post
        try:
            async with delivered.claimed(downstream.downstream_id, post.items, downstream.timeout) as has_some:
                if has_some:
                    left = self._post(post.webhook, downstream, post.parts)
                if left is not None:
                    await self._forwarder.post(downstream, left.body, left.headers)
                    delivered.add(downstream.downstream_id, left.items)
        except StillOnTheWay:
            raise DeliveryRefused(
                f"another copy of a message was on its way to it for {downstream.timeout:g} s"
            ) from None

    def _send_behind(self, post: _Post, attempt: Attempt) -> None:
        account_id = post.account_id
        if len(self._under_way) >= _MOST_WAITING or self._waiting[account_id] >= _MOST_WAITING_EACH:
            self._meter.delivery(required=False, result="given_up")
            return
        attempt.took(post.downstream.downstream_id)  # while it is on its way, a retry must not send it once more
        task = asyncio.create_task(self._try(post, attempt))
        self._under_way.add(task)
        self._waiting[account_id] += 1
        task.add_done_callback(partial(self._arrived, account_id))

    def _arrived(self, account_id: str, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._waiting[account_id] -= 1
        if not self._waiting[account_id]:
            del self._waiting[account_id]

    async def _try(self, post: _Post, attempt: Attempt) -> None:
        try:
            await self._send(post, attempt)
        except NotDelivered:  # counted and logged; nobody waits for it
            attempt.did_not_take(post.downstream.downstream_id)

    def _count(self, parts: Sequence[Part], blocked: AbstractSet[int]) -> None:
        counted: dict[tuple[str, bool], int] = {}
        for part in parts:
            for change in part.changes:
                for item in change.items:
                    kind = item.array, id(item) in blocked
                    counted[kind] = counted.get(kind, 0) + 1
        for (array, is_blocked), times in counted.items():
            self._meter.items(array, "dropped" if is_blocked else "forwarded", times)


def _unrouted(part: Part) -> NotDelivered:
    if part.is_of_a_number and part.phone_number_id is None:
        _log.warning("a webhook was refused: the number that its users wrote to cannot be read")
        return NotDelivered("metadata.phone_number_id cannot be read: it must be the number's id, as a string.")
    _log.warning(
        "a webhook was refused: its number has no downstream; add one with: wablock downstream add",
        extra={"phone_number_id": part.phone_number_id},
    )
    where = part.phone_number_id or "this account"
    return NotDelivered(f"{where} has no downstream. Add one with: wablock downstream add")


def _is_empty(payload: Payload, part: Part, blocked: AbstractSet[int]) -> bool:
    return payload.body(part.changes, lambda item: id(item) in blocked) is None
