"""The parts of a server, built from its settings and connected. No other module chooses an implementation."""

import asyncio
import contextlib
import logging
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

import msgspec

from wablock.access import Access
from wablock.account_events import AccountEvents
from wablock.account_lists import AccountLists
from wablock.account_numbers import AccountNumbers
from wablock.account_users import AccountUsers
from wablock.block_list.ports import BusinessNumber, Microseconds
from wablock.block_list.service import BlockList
from wablock.contract.errors import GraphError
from wablock.gate.account_shares import AccountShares
from wablock.gate.dashboard_test import DashboardTest
from wablock.gate.delivery import Delivery
from wablock.gate.duplicates import Delivered
from wablock.gate.inbound import Inbound
from wablock.gate.last_inbound import LastInboundWriter
from wablock.gate.outbound import Outbound
from wablock.gate.recent_drops import Drop, DropsSince, RecentDrops
from wablock.gate.routes import Routes
from wablock.outgoing.address_check import AddressCheck
from wablock.outgoing.downstreams import HttpForwarder
from wablock.outgoing.name_lookups import NameLookups
from wablock.outgoing.upstreams import HttpSender
from wablock.reference.pages import Pages
from wablock.server.app import Application
from wablock.server.callers import Callers
from wablock.server.endpoints.block_users import BlockUsers
from wablock.server.endpoints.check import Checks
from wablock.server.endpoints.downstreams import DownstreamEndpoints
from wablock.server.endpoints.drops import DropEndpoint
from wablock.server.endpoints.events import EventEndpoints
from wablock.server.endpoints.health import Health
from wablock.server.endpoints.last_inbound import LastInboundEndpoint
from wablock.server.endpoints.lists import ListEndpoints
from wablock.server.endpoints.members import Members
from wablock.server.endpoints.messages import Messages
from wablock.server.endpoints.numbers import NumberEndpoints
from wablock.server.endpoints.subscriptions import SubscriptionEndpoints
from wablock.server.endpoints.tokens import TokenEndpoints
from wablock.server.endpoints.upstreams import UpstreamEndpoints
from wablock.server.endpoints.users import UserEndpoint
from wablock.server.endpoints.webhooks import Webhooks
from wablock.server.event_info import event_json
from wablock.server.limits import Rate, RateLimits
from wablock.server.metrics import Metrics
from wablock.server.readiness import Readiness
from wablock.settings import KeySettings, ServerSettings, default_key_file
from wablock.storage import Store, open_store
from wablock.storage.meter import WakingMeter
from wablock.subscriptions.courier import Tools
from wablock.subscriptions.deliverer import Deliverer
from wablock.subscriptions.subscriptions import Subscriptions
from wablock.turn import Turn
from wablock.vault import AeadVault, LazyVault, key_file, keys_from_text

_log = logging.getLogger("wablock")

_SWEEP_EVERY = 60  # seconds
_MOST_POSTS_OF_EVENTS = 256  # in flight, of all accounts


def system_clock() -> Microseconds:
    return time.time_ns() // 1_000


class Wired(msgspec.Struct, frozen=True):
    """A server's connected parts. The caller runs `application` within `running()`."""

    application: Application
    store: Store
    metrics: Metrics
    block_list: BlockList
    routes: Routes
    turn: Turn
    """The turn in which the server's connections receive requests."""
    running: Callable[[], AbstractAsyncContextManager[None]]
    """A context that runs the background tasks, and at its end closes all connections and the store."""


class Telemetry:
    """The metrics and recent drops of this process, and what the server shows of them: its own, or all workers'."""

    def __init__(
        self,
        metrics: Metrics | None = None,
        drops: RecentDrops | None = None,
        scrape: Callable[[], Awaitable[bytes]] | None = None,
        drops_since: DropsSince | None = None,
    ) -> None:
        self.metrics = metrics or Metrics()
        self.drops = drops or RecentDrops()
        self.scrape = scrape or self.metrics.text
        self.drops_since = drops_since or self._own_drops

    async def _own_drops(self, number: BusinessNumber, seq: int) -> Sequence[Drop]:
        return self.drops.since(number, seq)


def build(
    database: str | Store,
    settings: ServerSettings = ServerSettings(),  # noqa: B008 - immutable
    *,
    account_of_new_numbers: str | None = None,
    clock: Callable[[], Microseconds] = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
    telemetry: Telemetry | None = None,
) -> Wired:
    """A server on `database`, which is an open store or a URL.

    A URL is opened, and its database migrated and synced; raises `CannotOpen`. For `account_of_new_numbers`, see
    `Access`.
    """
    limits, gate = settings.limits, settings.gate
    telemetry = telemetry or Telemetry()
    metrics = telemetry.metrics
    turn = Turn()
    meter = WakingMeter(metrics)
    store = open_store(database, meter, turn) if isinstance(database, str) else database
    block_list = BlockList(store, settings.rule_book(), clock)
    access = Access(store, clock, monotonic, account_of_new_numbers)
    routes = routes_of(store, settings.key, clock, monotonic)
    subscriptions = subscriptions_of(store, settings.key, clock)
    lookups = NameLookups()
    addresses = AddressCheck(lookups)
    forwarder, sender = HttpForwarder(resolver=lookups), HttpSender(resolver=lookups)
    shares = AccountShares(limits.max_connections)
    delivered = Delivered(gate.deduplicate_for, monotonic) if gate.deduplicate_for else None
    delivery = Delivery(routes.downstreams, forwarder, metrics, shares, delivered, refuse_unrouted=gate.refuse_unrouted)
    last_inbound = LastInboundWriter(block_list)
    inbound = Inbound(
        accounts=routes.accounts,
        numbers=access,
        block_list=block_list,
        delivery=delivery,
        dashboard_test=DashboardTest(routes, store, forwarder, metrics, shares),
        last_inbound=last_inbound,
        drops=telemetry.drops,
        meter=metrics,
        clock=clock,
        pass_unchecked=gate.pass_unchecked,
    )
    outbound = Outbound(
        routes.upstreams, block_list, sender, metrics, shares, pass_unreadable=gate.pass_unreadable_recipients
    )
    rates = RateLimits(
        Rate(limits.requests_per_minute_per_token, monotonic), Rate(limits.requests_per_minute_per_number, monotonic)
    )
    callers = Callers(access, rates, limits.max_body, token_in_parameters=settings.answers.token_in_parameters)
    lists = AccountLists(store, access, block_list, clock)
    events = AccountEvents(store, lists, clock, settings.keep_events)
    endpoints = (
        BlockUsers(block_list, access, callers, rates, settings.answers),
        Checks(block_list, access, callers, rates),
        Members(block_list, lists, callers, rates, settings.answers.public_url),
        ListEndpoints(lists, callers),
        EventEndpoints(events, block_list, callers, rates),
        UserEndpoint(AccountUsers(store, store, lists, clock), block_list, callers),
        Webhooks(inbound, routes.accounts),
        TokenEndpoints(access, routes, subscriptions, clock, callers),
        NumberEndpoints(AccountNumbers(store, partial(_owner_of_waba, store), access, clock), callers),
        LastInboundEndpoint(block_list, callers),
        DownstreamEndpoints(routes.downstreams, addresses, callers),
        SubscriptionEndpoints(subscriptions, addresses, callers),
        DropEndpoint(telemetry.drops_since, callers),
        UpstreamEndpoints(routes.upstreams, addresses, callers),
        Health(Readiness(store.is_ready, monotonic), telemetry.scrape),
        Messages(outbound, access, callers, rates, pass_through=gate.pass_through),
        Pages(settings.answers.public_url),
    )

    deliverer = Deliverer(
        Tools(
            store,
            forwarder,
            subscriptions.secret_of,
            event_json,
            metrics,
            AccountShares(_MOST_POSTS_OF_EVENTS),
            clock,
            monotonic,
            random.random,
        ),
        secrets.token_hex(8),
    )
    meter.wake = deliverer.wake

    @contextlib.asynccontextmanager
    async def running() -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_sweep(block_list, events)), asyncio.create_task(last_inbound.run())]
        tasks.append(asyncio.create_task(deliverer.run()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await deliverer.close()
            await delivery.close()
            await forwarder.close()
            await sender.close()
            await last_inbound.flush()
            await store.close()

    all_routes = [route for endpoint in endpoints for route in endpoint.routes()]
    application = Application(all_routes, metrics, logs_all=settings.log_requests)
    return Wired(application, store, metrics, block_list, routes, turn, running)


def routes_of(
    store: Store,
    key: KeySettings,
    clock: Callable[[], Microseconds] = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
) -> Routes:
    """The routes in a store. The secret key is read, or created, only when a secret is first sealed or opened."""
    return Routes(store, _vault(store, key), clock, monotonic)


def subscriptions_of(store: Store, key: KeySettings, clock: Callable[[], Microseconds] = system_clock) -> Subscriptions:
    """The subscriptions in a store. For the secret key, see `routes_of`."""
    return Subscriptions(store, _vault(store, key), clock)


def _vault(store: Store, key: KeySettings) -> LazyVault:
    def vault() -> AeadVault:
        path = key.secret_key_file or default_key_file()
        return AeadVault(keys_from_text(key.secret_key or key_file(path, make=not store.is_shared)))

    return LazyVault(vault)


async def _owner_of_waba(store: Store, waba_id: str) -> str | None:
    business = await store.find_business_account(waba_id)
    return None if business is None else business.account_id


async def _sweep(block_list: BlockList, events: AccountEvents) -> None:
    sweeps = {"expired blocks": block_list.sweep, "old events": events.sweep}
    while True:
        for what, sweep in sweeps.items():
            try:
                await sweep()
            except GraphError:
                _log.warning("the sweep of %s failed; the next attempt is in %s s", what, _SWEEP_EVERY)
        await asyncio.sleep(_SWEEP_EVERY)
