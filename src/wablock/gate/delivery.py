"""The delivery of a webhook, without the dropped messages, to its receivers.

The sender's response waits for the required receivers. It does not wait for the other receivers.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Final

import msgspec

from wablock.block_list.ports import BusinessNumber
from wablock.failures import NotDelivered
from wablock.gate.account_shares import AccountShares
from wablock.gate.account_store import Account
from wablock.gate.duplicates import Delivered, StillInFlight
from wablock.gate.ports import DeliveryRefused, Downstream, Forwarder, GateMeter, MayReceive
from wablock.gate.retries import Attempt, WebhookRetries
from wablock.gate.routes.downstreams import Downstreams
from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange
from wablock.gate.webhook.items import Item
from wablock.gate.webhook.signature import sign

_log = logging.getLogger("wablock.gate")

# The limit for posts in flight to receivers that are not required; further posts are not sent.
_MOST_WAITING: Final = 1_000
_MOST_WAITING_EACH: Final = 250  # of one account, so that its slow receivers leave places for other accounts

SIGNATURE: Final = "x-hub-signature-256"
UNCHECKED: Final = "x-wablock-unchecked"


class Part(msgspec.Struct, frozen=True):
    """The changes of a webhook that are about one number or one account, in order, with that number and account.

    `phone_number_id` None: the changes are about the account as a whole; or, if `is_of_a_number`, about a number whose
    id cannot be read. `number` None: the number is not registered here. `may_receive`: which receivers of the account
    may get changes about the account; None: all of them.
    """

    changes: list[WebhookChange]
    account: Account
    number: BusinessNumber | None
    phone_number_id: str | None
    is_of_a_number: bool
    may_receive: MayReceive | None = None

    @property
    def items(self) -> Iterator[Item]:
        return (item for change in self.changes for item in change.items)


class Signed(msgspec.Struct, frozen=True):
    """The signature of a webhook, and the app secret that signed it. It signs what remains of the webhook, too."""

    signature: str
    secret: str


class _SignedWebhook(msgspec.Struct, frozen=True):
    """The values that all posts of one webhook share. `blocked`: the `id()` of each item to drop."""

    payload: Payload
    signed: Signed
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
        """`delivered`: the memory of message ids, so that a receiver does not get the same message again.

        `refuse_unrouted`: whether to refuse a webhook for a number without a downstream, so that its sender retries and
        nothing is lost.
        """
        self._downstreams = downstreams
        self._forwarder = forwarder
        self._meter = meter
        self._shares = shares
        self._delivered = delivered
        self._refuse_unrouted = refuse_unrouted
        self._retries = WebhookRetries()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._waiting: Counter[str] = Counter()

    async def deliver(
        self, payload: Payload, parts: Sequence[Part], signed: Signed, blocked: AbstractSet[int], *, unchecked: bool
    ) -> bool:
        """Returns once every required downstream has accepted its part; False if there was nothing to deliver.

        Raises `NotDelivered` if a required downstream did not accept it, and `ShareTaken` if too many webhooks of the
        account wait. If the same webhook is sent again, downstreams that have accepted it do not get it again.
        """
        webhook = _SignedWebhook(payload, signed, blocked, unchecked)
        receivers = await self._receivers(payload, parts, blocked)
        posts: list[_Post] = []
        for downstream, chosen in receivers:
            post = self._post(webhook, downstream, chosen)
            if post is not None:
                posts.append(post)
        self._count(parts, blocked)
        if not posts:
            self._retries.attempt(signed.signature).succeeded()
            return False
        account_id = parts[0].account.account_id
        self._shares.take(account_id)
        try:
            if len(posts) == 1 and posts[0].downstream.required and not self._retries:
                await self._send(posts[0])  # nearly all webhooks: no other receiver can fail, so no attempt is recorded
            else:
                await self._attempt(posts, self._retries.attempt(signed.signature))
        finally:
            self._shares.give_back(account_id)
        return True

    async def close(self) -> None:
        """Cancel the posts to receivers that are not required."""
        for task in self._in_flight:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)

    async def _attempt(self, posts: Sequence[_Post], attempt: Attempt) -> None:
        due = [post for post in posts if not attempt.has(post.downstream.downstream_id)]
        try:
            await self._send_all(due, attempt)
        except BaseException:  # also when it is cancelled, because the server stops
            attempt.failed()
            raise
        attempt.succeeded()

    async def _send_all(self, posts: Sequence[_Post], attempt: Attempt) -> None:
        required = [post for post in posts if post.downstream.required]
        for post in posts:
            if not post.downstream.required:
                self._send_in_background(post, attempt)
        if len(required) == 1:
            await self._send(required[0], attempt)
        elif required:
            sending = [self._send(post, attempt) for post in required]
            for outcome in await asyncio.gather(*sending, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome

    async def _receivers(
        self, payload: Payload, parts: Sequence[Part], blocked: AbstractSet[int]
    ) -> list[tuple[Downstream, list[Part]]]:
        """The receivers with their parts. A receiver that several numbers share gets their parts in one webhook."""
        receivers: dict[object, tuple[Downstream, list[Part]]] = {}
        for part in parts:
            downstreams: Sequence[Downstream] = ()
            if part.number is not None:
                downstreams = await self._downstreams.of_number(part.number.phone_number_id)
            elif not part.is_of_a_number:
                downstreams = await self._downstreams.for_account_events(part.account.account_id, part.may_receive)
            if not downstreams and self._refuse_unrouted and not _is_empty(payload, part, blocked):
                self._meter.webhook("unrouted")
                raise _unrouted(part)
            if len(parts) == 1 and len(downstreams) == 1:  # as in nearly all webhooks
                return [(downstreams[0], [part])]
            for downstream in downstreams:
                _, chosen = receivers.setdefault(downstream.receiver, (downstream, []))
                chosen.append(part)
        return list(receivers.values())

    def _post(self, webhook: _SignedWebhook, downstream: Downstream, chosen: Sequence[Part]) -> _Post | None:
        """The post for this receiver; None if nothing is left to send."""
        payload = webhook.payload
        drop = self._drop_condition(downstream, webhook.blocked)
        changes = chosen[0].changes if len(chosen) == 1 else [change for part in chosen for change in part.changes]
        body = payload.body(changes, drop)
        if body is None:
            return None
        if downstream.secret is None and body is payload.raw:
            signature = webhook.signed.signature
        else:
            signature = sign(downstream.secret or webhook.signed.secret, body)
        headers = {SIGNATURE: signature, UNCHECKED: "true"} if webhook.unchecked else {SIGNATURE: signature}
        items = [item for part in chosen for item in part.items if not drop(item)] if drop and self._delivered else []
        return _Post(webhook, downstream, chosen, body, headers, items)

    def _drop_condition(self, downstream: Downstream, blocked: AbstractSet[int]) -> Callable[[Item], bool] | None:
        """Whether the receiver does not get an item; None if it gets all of them."""
        delivered = self._delivered
        if delivered is None:
            return (lambda item: id(item) in blocked) if blocked else None
        receiver = downstream.receiver
        return lambda item: id(item) in blocked or delivered.has(receiver, item)

    async def _send(self, post: _Post, attempt: Attempt | None = None) -> None:
        downstream = post.downstream
        try:
            if self._delivered is None:
                await self._forwarder.post(downstream, post.body, post.headers)
            else:
                await self._send_once(self._delivered, post)
        except DeliveryRefused as error:
            self._meter.delivery(required=downstream.required, result="refused")
            _log.warning("a downstream did not accept a webhook: %s", error, extra=downstream.in_log)
            raise NotDelivered(f"The downstream {downstream.downstream_id} did not accept it: {error}") from error
        if attempt is not None:
            attempt.add(downstream.downstream_id)
        self._meter.delivery(required=downstream.required, result="taken")

    async def _send_once(self, delivered: Delivered, post: _Post) -> None:
        """Send the post without messages that have reached the receiver with another webhook in the meantime."""
        downstream = post.downstream
        current: _Post | None = post
        try:
            async with delivered.claimed(downstream.receiver, post.items, downstream.timeout) as has_some:
                if has_some:
                    current = self._post(post.webhook, downstream, post.parts)
                if current is not None:
                    await self._forwarder.post(downstream, current.body, current.headers)
                    delivered.add(downstream.receiver, current.items)
        except StillInFlight:
            raise DeliveryRefused(f"another copy of a message was in flight for {downstream.timeout:g} s") from None

    def _send_in_background(self, post: _Post, attempt: Attempt) -> None:
        account_id = post.account_id
        if len(self._in_flight) >= _MOST_WAITING or self._waiting[account_id] >= _MOST_WAITING_EACH:
            self._meter.delivery(required=False, result="given_up")
            return
        attempt.add(post.downstream.downstream_id)  # while it is in flight, a retry must not send it again
        task = asyncio.create_task(self._try(post, attempt))
        self._in_flight.add(task)
        self._waiting[account_id] += 1
        task.add_done_callback(partial(self._ended, account_id))

    def _ended(self, account_id: str, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._waiting[account_id] -= 1
        if not self._waiting[account_id]:
            del self._waiting[account_id]

    async def _try(self, post: _Post, attempt: Attempt) -> None:
        try:
            await self._send(post, attempt)
        except NotDelivered:  # already counted and logged, and no response depends on it
            attempt.remove(post.downstream.downstream_id)

    def _count(self, parts: Sequence[Part], blocked: AbstractSet[int]) -> None:
        forwarded: dict[str, int] = {}
        dropped: dict[str, int] = {}
        for part in parts:
            for change in part.changes:
                for item in change.items:
                    counts = dropped if blocked and id(item) in blocked else forwarded
                    counts[item.array] = counts.get(item.array, 0) + 1
        for array, times in forwarded.items():
            self._meter.items(array, "forwarded", times)
        for array, times in dropped.items():
            self._meter.items(array, "dropped", times)


def _unrouted(part: Part) -> NotDelivered:
    if part.is_of_a_number and part.phone_number_id is None:
        _log.warning("a webhook was refused: its phone_number_id cannot be read")
        return NotDelivered("metadata.phone_number_id cannot be read: it must be the number's id, as a string.")
    _log.warning(
        "a webhook was refused: its number has no downstream; add one with: wablock downstream add",
        extra={"phone_number_id": part.phone_number_id},
    )
    owner = part.phone_number_id or "this account"
    return NotDelivered(f"{owner} has no downstream. Add one with: wablock downstream add")


def _is_empty(payload: Payload, part: Part, blocked: AbstractSet[int]) -> bool:
    return payload.body(part.changes, lambda item: id(item) in blocked) is None
