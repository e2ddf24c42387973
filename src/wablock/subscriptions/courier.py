"""The courier of one subscription: it sends the events of each list in order, and of several lists at a time.

An event that a subscriber accepted may be sent again, if the process dies before its place is stored. So each event is
delivered at least once.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import msgspec

from wablock.account_events import ListEvent, read_event
from wablock.block_list.event_store import EventStore, Span
from wablock.block_list.events import StoredEvent
from wablock.block_list.ports import Microseconds
from wablock.block_list.rules import SECOND
from wablock.contract.errors import GraphError
from wablock.failures import Overloaded
from wablock.gate.account_shares import AccountShares
from wablock.gate.ports import CannotUnseal, DeliveryRefused, Downstream, Forwarder
from wablock.gate.webhook.signature import sign
from wablock.subscriptions.backoff import Backoff
from wablock.subscriptions.leases import POST_WITHIN
from wablock.subscriptions.ports import Backlog, SealedSubscription, SubscriptionMeter, SubscriptionStore

_log = logging.getLogger("wablock.subscriptions")

SIGNATURE: Final = "x-hub-signature-256"
MOST_EVENTS: Final = 100
"""The most events in a request."""
MOST_BYTES: Final = 1_024**2
"""The most bytes of events in a request, unless one event alone has more."""
_READ_AT_ONCE: Final = 10  # events
MOST_AT_ONCE: Final = 4
"""The lists of a subscription whose events are sent at the same time."""

EventFormat = Callable[[ListEvent], bytes]
"""An event as JSON."""


class EventNotice(msgspec.Struct, frozen=True):
    """The body of a request to a subscriber."""

    object: str
    account_id: str
    data: list[msgspec.Raw]


class DeliveryStore(SubscriptionStore, EventStore, Protocol):
    """The stored subscriptions and events."""


class Tools(msgspec.Struct, frozen=True):
    """What all couriers share. `secret_of` raises `CannotUnseal`."""

    store: DeliveryStore
    forwarder: Forwarder
    secret_of: Callable[[SealedSubscription], str]
    event_json: EventFormat
    meter: SubscriptionMeter
    shares: AccountShares
    clock: Callable[[], Microseconds]
    monotonic: Callable[[], float]
    chance: Callable[[], float]


class Courier:
    def __init__(self, tools: Tools, sealed: SealedSubscription, may_send: Callable[[], bool]) -> None:
        """`may_send`: whether this process delivers the subscription now."""
        self._tools = tools
        self._sealed = sealed
        self._may_send = may_send
        self._backoff = Backoff(tools.chance)
        self._queue: deque[Backlog] = deque()
        self._taken: set[str] = set()
        """The lists in the queue, and those whose events are being sent."""
        self._reached: dict[str, Microseconds] = {}
        """The places that were stored since the backlogs were read, of lists that have a backlog."""
        self._runners: set[asyncio.Task[None]] = set()
        self._is_failing = False
        self._receiver: Downstream | None = None
        self._secret = ""

    def deliver(self, backlogs: Iterable[Backlog]) -> None:
        """Begin to send the events of these lists, which are all that have some. Returns at once."""
        backlogs = list(backlogs)
        list_ids = {it.list_id for it in backlogs}
        self._backoff.keep(list_ids)
        self._reached = {it: at for it, at in self._reached.items() if it in list_ids}
        now = self._tools.monotonic()
        for it in backlogs:
            if it.list_id not in self._taken and self._backoff.is_due(it.list_id, now):
                self._taken.add(it.list_id)
                self._queue.append(msgspec.structs.replace(it, at=max(it.at, self._reached.get(it.list_id, 0))))
        while len(self._runners) < min(MOST_AT_ONCE, len(self._taken)) and self._queue:
            runner = asyncio.create_task(self._run(self._queue.popleft()))
            self._runners.add(runner)
            runner.add_done_callback(self._runners.discard)

    async def idle(self) -> None:
        """Returns when nothing is being sent."""
        while self._runners:
            await asyncio.wait(self._runners)

    async def close(self) -> None:
        for runner in self._runners:
            runner.cancel()
        await asyncio.gather(*self._runners, return_exceptions=True)

    async def _run(self, first: Backlog) -> None:
        backlog: Backlog | None = first
        while backlog is not None:
            rest = await self._attempt(backlog) if self._may_send() else None
            if rest is None:
                self._taken.discard(backlog.list_id)
            else:
                self._queue.append(rest)  # behind the other lists
            backlog = self._queue.popleft() if self._queue else None

    async def _attempt(self, backlog: Backlog) -> Backlog | None:
        """Send one request of a list. Returns the rest of its backlog; None if it is empty, or the attempt failed."""
        list_id = backlog.list_id
        try:
            rest = await self._send_some(backlog)
        except Overloaded:  # the account has too many requests in flight, or the database refused
            return None
        except (DeliveryRefused, CannotUnseal) as error:
            self._tools.meter.events_failed()
            if not self._is_failing:  # once, not at each attempt
                self._is_failing = True
                _log.warning("a subscriber did not accept events: %s", error, extra=self._in_log)
        except GraphError as error:
            _log.warning("events were not delivered, because the database failed: %s", error, extra=self._in_log)
        except Exception:
            _log.exception("events were not delivered", extra=self._in_log)
        else:
            self._backoff.succeeded(list_id)
            return rest
        self._backoff.failed(list_id, self._tools.monotonic())
        return None

    async def _send_some(self, backlog: Backlog) -> Backlog | None:
        subscription_id, list_id, store = self._sealed.subscription_id, backlog.list_id, self._tools.store
        if backlog.at < backlog.oldest_at:
            await store.reach(subscription_id, list_id, backlog.oldest_at)
            self._tools.meter.events_skipped()
            backlog = msgspec.structs.replace(backlog, at=backlog.oldest_at)
        if backlog.at >= backlog.newest_at:
            return None
        events = await self._next_events(backlog)
        # The backlog may have waited in the queue. Meanwhile its number may have become another account's.
        chain = await store.chain(list_id)
        if not events or chain is None or chain.account_id != self._sealed.account_id:
            return None
        await asyncio.sleep(0)  # SQLite is read without waiting, and other requests wait for the loop
        sent = await self._post(events)
        await store.reach(subscription_id, list_id, sent[-1].at)
        self._reached[list_id] = sent[-1].at
        if self._is_failing:
            self._is_failing = False
            _log.info("a subscriber accepts events again", extra=self._in_log)
        lag = max(0, self._tools.clock() - sent[0].at) / SECOND
        self._tools.meter.events_delivered(len(sent), lag)
        rest = msgspec.structs.replace(backlog, at=sent[-1].at)
        return rest if rest.at < max(rest.newest_at, events[-1].at) else None

    async def _next_events(self, backlog: Backlog) -> Sequence[StoredEvent]:
        """The next events of a list, as many as a request may have. An event of 1,000 users may have megabytes."""
        events: list[StoredEvent] = []
        length = 0
        while len(events) < MOST_EVENTS and length < MOST_BYTES:
            after = events[-1].at if events else backlog.at
            some = await self._tools.store.events(
                backlog.list_id, Span(_READ_AT_ONCE, after=after, is_newest_first=False)
            )
            events += some
            length += sum(len(it.text or "") for it in some)
            if len(some) < _READ_AT_ONCE:
                break
        return events

    async def _post(self, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        """Post as many of the events as fit in a request. Returns those, when the subscriber has accepted them."""
        shown: list[msgspec.Raw] = []
        size = 0
        for event in events:
            text = self._tools.event_json(read_event(event))
            size += len(text)
            if shown and size > MOST_BYTES:
                break
            shown.append(msgspec.Raw(text))
        account_id = self._sealed.account_id
        body = msgspec.json.encode(EventNotice("wablock_events", account_id, shown))
        receiver = self._opened()
        if not self._may_send():
            raise Overloaded("Another process delivers the subscription now.")
        with self._tools.shares.one_for(account_id):
            await self._tools.forwarder.post(receiver, body, {SIGNATURE: sign(self._secret, body)})
        return events[: len(shown)]

    def _opened(self) -> Downstream:
        """The subscriber. Raises `CannotUnseal`."""
        if self._receiver is None:
            sealed = self._sealed
            self._secret = self._tools.secret_of(sealed)
            self._receiver = Downstream(
                sealed.subscription_id,
                "",
                sealed.url,
                timeout=POST_WITHIN,
                may_be_inside=sealed.may_be_inside,
                account_id=sealed.account_id,
            )
        return self._receiver

    @property
    def _in_log(self) -> dict[str, str]:
        return {"subscription_id": self._sealed.subscription_id}
