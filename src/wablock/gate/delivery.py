"""What is left of a webhook, to everybody who is to have it: required receivers are waited for, others are not."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from wablock.block_list.ports import BusinessNumber
from wablock.contract.errors import NotDelivered
from wablock.gate.duplicates import Delivered
from wablock.gate.ports import Account, Downstream, Forwarder, GateMeter, Refused
from wablock.gate.routes import Routes
from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import Change, array_of
from wablock.gate.webhook.documented import Item
from wablock.gate.webhook.signature import sign

_log = logging.getLogger("wablock.gate")

_MOST_WAITING: Final = 1_000  # best-effort posts under way; further ones are given up

SIGNATURE: Final = "x-hub-signature-256"
UNCHECKED: Final = "x-wablock-unchecked"


class Part(msgspec.Struct, frozen=True):
    """Changes of a webhook that are about one thing, in order, and whose they are.

    `phone_number_id` None: about the account as a whole, or, where they are `is_of_a_number`, about one that cannot be
    read. `number` None: of a number that is not known here.
    """

    changes: list[Change]
    account: Account
    number: BusinessNumber | None
    phone_number_id: str | None
    is_of_a_number: bool

    @property
    def items(self) -> Iterator[Item]:
        return (item for change in self.changes for item in change.items)


class _Post(msgspec.Struct, frozen=True):
    downstream: Downstream
    body: bytes
    headers: Mapping[str, str]
    items: Sequence[Item]


class Delivery:
    """Hands webhooks on."""

    def __init__(
        self,
        routes: Routes,
        forwarder: Forwarder,
        meter: GateMeter,
        delivered: Delivered | None = None,
        *,
        refuse_unrouted: bool = True,
    ) -> None:
        """`delivered`: remembers message ids, so that what a receiver has is not sent to it again. `refuse_unrouted`:
        whether a webhook for a number without a downstream is refused, so that it comes again and nothing is lost.
        """
        self._routes = routes
        self._forwarder = forwarder
        self._meter = meter
        self._delivered = delivered
        self._refuse_unrouted = refuse_unrouted
        self._under_way: set[asyncio.Task[None]] = set()

    async def deliver(
        self, payload: Payload, parts: Sequence[Part], signature: str, blocked: Container[int], *, unchecked: bool
    ) -> bool:
        """Returns once every required downstream has its part; False where nothing was left for any.

        Raises `NotDelivered` where one did not take it.
        """
        targets = await self._targets(payload, parts, blocked)
        posts = [
            post
            for downstream, chosen in targets
            if (post := self._post(payload, downstream, chosen, signature, blocked, unchecked=unchecked)) is not None
        ]
        self._count(parts, blocked)
        required = [post for post in posts if post.downstream.required]
        for post in posts:
            if not post.downstream.required:
                self._send_behind(post)
        if len(required) == 1:
            await self._send(required[0])
        elif required:
            for outcome in await asyncio.gather(*map(self._send, required), return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
        return bool(posts)

    async def close(self) -> None:
        """Give up what nobody waits for."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _targets(
        self, payload: Payload, parts: Sequence[Part], blocked: Container[int]
    ) -> list[tuple[Downstream, list[Part]]]:
        """Who gets which parts: receivers that several numbers share get them in one piece."""
        targets: dict[object, tuple[Downstream, list[Part]]] = {}
        for part in parts:
            downstreams = await self._downstreams(part)
            if not downstreams and self._refuse_unrouted and not _is_empty(payload, part, blocked):
                self._meter.webhook("unrouted")
                where = part.phone_number_id or "this account"
                _log.warning(
                    "a webhook was refused: its number has no downstream; add one with: wablock downstream add",
                    extra={"phone_number_id": part.phone_number_id},
                )
                raise NotDelivered(f"{where} has no downstream. Add one with: wablock downstream add")
            for downstream in downstreams:
                _, chosen = targets.setdefault(downstream.receiver, (downstream, []))
                chosen.append(part)
        return list(targets.values())

    async def _downstreams(self, part: Part) -> Sequence[Downstream]:
        if part.number is not None:
            return await self._routes.downstreams(part.number.phone_number_id)
        if not part.is_of_a_number:
            return await self._routes.account_downstreams(part.account.account_id)
        return ()

    def _post(
        self,
        payload: Payload,
        downstream: Downstream,
        chosen: Sequence[Part],
        signature: str,
        blocked: Container[int],
        *,
        unchecked: bool,
    ) -> _Post | None:
        """None where nothing is left for this receiver."""
        drop = self._drops_for(downstream, blocked)
        body = payload.body([change for part in chosen for change in part.changes], drop)
        if body is None:
            return None
        app_secret = chosen[0].account.app_secret or ""
        if downstream.secret is None and body is payload.raw:
            signed = signature
        else:
            signed = sign(downstream.secret or app_secret, body)
        headers = {SIGNATURE: signed, UNCHECKED: "true"} if unchecked else {SIGNATURE: signed}
        items = [item for part in chosen for item in part.items if not drop(item)] if self._delivered else []
        return _Post(downstream, body, headers, items)

    def _drops_for(self, downstream: Downstream, blocked: Container[int]) -> Callable[[Item], bool]:
        delivered = self._delivered
        if delivered is None:
            return lambda item: id(item) in blocked
        target = downstream.downstream_id
        return lambda item: id(item) in blocked or delivered.has(target, item)

    async def _send(self, post: _Post) -> None:
        downstream = post.downstream
        try:
            await self._forwarder.post(downstream, post.body, post.headers)
        except Refused as refusal:
            self._meter.delivery(required=downstream.required, result="refused")
            _log.warning(
                "a downstream did not take a webhook: %s",
                refusal,
                extra={"phone_number_id": downstream.phone_number_id, "downstream_id": downstream.downstream_id},
            )
            raise NotDelivered(f"The downstream {downstream.downstream_id} did not take it: {refusal}") from refusal
        self._meter.delivery(required=downstream.required, result="taken")
        if self._delivered is not None:
            self._delivered.add(downstream.downstream_id, post.items)

    def _send_behind(self, post: _Post) -> None:
        if len(self._under_way) >= _MOST_WAITING:
            self._meter.delivery(required=False, result="given_up")
            return
        task = asyncio.create_task(self._try(post))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _try(self, post: _Post) -> None:
        with contextlib.suppress(NotDelivered):  # counted and logged; nobody waits for it
            await self._send(post)

    def _count(self, parts: Sequence[Part], blocked: Container[int]) -> None:
        items = (item for part in parts for item in part.items)
        counted = Counter((array_of(item), "dropped" if id(item) in blocked else "forwarded") for item in items)
        for (array, verdict), times in counted.items():
            self._meter.items(array, verdict, times)


def _is_empty(payload: Payload, part: Part, blocked: Container[int]) -> bool:
    return payload.body(part.changes, lambda item: id(item) in blocked) is None
