"""A deliverer on a store, a subscriber that a test scripts, and clocks that a test turns."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from tests.server.turned_clock import TurnedClock
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block
from tests.storage.people import people

from wablock.block_list.ports import BusinessNumber
from wablock.contract.errors import BlocklistInternalError
from wablock.gate.account_shares import AccountShares
from wablock.gate.ports import DeliveryRefused, Downstream
from wablock.server.event_info import event_json
from wablock.storage import SqliteStore
from wablock.subscriptions.courier import Tools
from wablock.subscriptions.deliverer import Deliverer
from wablock.subscriptions.ports import Backlog, SealedSubscription
from wablock.subscriptions.subscriptions import AddedSubscription, NewSubscription, Subscriptions

SECOND_LIST: Final = "106540352242923"
SECRET: Final = "a secret of the subscriber"
URL: Final = "https://shop.example/in"


class PlainVault:
    """It checks the context, and does not encrypt."""

    def seal(self, text: str, context: str) -> bytes:
        return f"{context}|{text}".encode()

    def open(self, sealed: bytes, context: str) -> str:
        return sealed.decode().removeprefix(f"{context}|")


class Post(msgspec.Struct, frozen=True):
    """A request to the subscriber."""

    receiver: Downstream
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def list_id(self) -> str:
        return str(self.json["data"][0]["list_id"])

    @property
    def event_ids(self) -> list[str]:
        return [event["event_id"] for event in self.json["data"]]


class Subscriber:
    """A `Forwarder` that takes posts. `refusals`: the errors of the next ones; `refused_lists`: it never takes theirs.

    While `hangs` is not set, posts wait.
    """

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.taken: list[Post] = []
        self.refusals: deque[DeliveryRefused] = deque()
        self.refused_lists: set[str] = set()
        self.hangs = asyncio.Event()
        self.hangs.set()
        self.in_flight = 0
        self.most_in_flight = 0

    async def post(self, downstream: Downstream, body: bytes, headers: Mapping[str, str]) -> None:
        post = Post(downstream, body, headers)
        self.posts.append(post)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.hangs.wait()
        finally:
            self.in_flight -= 1
        if self.refusals:
            raise self.refusals.popleft()
        if post.list_id in self.refused_lists:
            raise DeliveryRefused("it answered 500", 500)
        self.taken.append(post)

    async def close(self) -> None:
        """Nothing is open."""

    @property
    def event_ids(self) -> list[str]:
        """The events that it has taken, in order."""
        return [event_id for post in self.taken for event_id in post.event_ids]


class CountingSubscriptions:
    """A `SubscriptionMeter` that counts."""

    def __init__(self) -> None:
        self.delivered: list[int] = []
        self.lags: list[float] = []
        self.failures = 0
        self.skips = 0
        self.waiting = 0

    def events_delivered(self, count: int, lag: float) -> None:
        self.delivered.append(count)
        self.lags.append(lag)

    def events_failed(self) -> None:
        self.failures += 1

    def events_skipped(self) -> None:
        self.skips += 1

    def lists_waiting(self, count: int) -> None:
        self.waiting = count


class FailingStore:
    """A store whose next reads of subscriptions, or stored places, fail."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.reaches_that_fail = 0
        self.looks_that_fail = 0
        self.stale: Sequence[Backlog] = ()
        """The backlogs that the next look reads, if there are any."""

    async def backlogs(self, account_id: str) -> Sequence[Backlog]:
        stale, self.stale = self.stale, ()
        return stale or await self._store.backlogs(account_id)

    async def subscriptions(self, account_id: str | None = None) -> Sequence[SealedSubscription]:
        if self.looks_that_fail:
            self.looks_that_fail -= 1
            raise BlocklistInternalError
        return await self._store.subscriptions(account_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def reach(self, subscription_id: str, list_id: str, at: int) -> None:
        if self.reaches_that_fail:
            self.reaches_that_fail -= 1
            raise BlocklistInternalError
        await self._store.reach(subscription_id, list_id, at)


class Delivering:
    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.failing: Any = FailingStore(store)
        self.clock = TurnedClock()
        self.now = NOON
        self.subscriber = Subscriber()
        self.meter = CountingSubscriptions()
        self.subscriptions = Subscriptions(store, PlainVault(), lambda: self.now)
        self.deliverers: list[Deliverer] = []
        self.deliverer = self.another("first")

    def another(self, holder: str, secret_of: Callable[[SealedSubscription], str] | None = None) -> Deliverer:
        """The deliverer of another process."""
        tools = Tools(
            self.failing,
            self.subscriber,
            secret_of or self.subscriptions.secret_of,
            event_json,
            self.meter,
            AccountShares(256),
            lambda: self.now,
            self.clock,
            lambda: 1.0,
        )
        deliverer = Deliverer(tools, holder)
        self.deliverers.append(deliverer)
        return deliverer

    async def prepare(self) -> None:
        for list_id in (LIST, SECOND_LIST):
            await self.store.add_number(BusinessNumber(list_id, ACCOUNT), NOON)

    async def subscribe(self, **more: Any) -> SealedSubscription:
        added: AddedSubscription | None = await self.subscriptions.add_for(
            ACCOUNT, NewSubscription(url=URL, secret=SECRET, **more)
        )
        assert added is not None
        return added.sealed

    async def block(self, *starts: int, list_id: str = LIST) -> list[str]:
        """One change for each of `starts`. Returns the ids of the events, in order."""
        event_ids = []
        for start in starts:
            self.now += SECOND
            await self.store.apply(block(*people(1, start=start), list_id=list_id, at=self.now))
            chain = await self.store.chain(list_id)
            assert chain is not None
            event_ids.append(f"{list_id}-{chain.newest.at}")
        return event_ids

    async def look(self, deliverer: Deliverer | None = None) -> None:
        """Look once, and wait until everything that it began has ended."""
        deliverer = deliverer or self.deliverer
        await deliverer.look()
        await deliverer.idle()
