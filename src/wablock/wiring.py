"""The parts of a server, built from its settings and connected. No other module chooses an implementation."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec

from wablock.access import Access
from wablock.block_list.ports import BusinessNumber, Microseconds, Rules
from wablock.block_list.rules import RuleBook
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
from wablock.reference.openapi import document
from wablock.reference.pages import Pages
from wablock.server.app import Application, Options
from wablock.server.limits import Rate, RateLimits
from wablock.server.metrics import Metrics
from wablock.server.readiness import Readiness
from wablock.settings import AnswerSettings, GateSettings, KeySettings, LimitSettings, default_key_file
from wablock.storage import Store, open_store
from wablock.vault import AeadVault, LazyVault, key_file, keys_from_text

_log = logging.getLogger("wablock")

_SWEEP_EVERY = 60  # seconds


def system_clock() -> Microseconds:
    return time.time_ns() // 1_000


class Wired(msgspec.Struct, frozen=True):
    """A server's connected parts. The caller runs `application` within `running()`."""

    application: Application
    store: Store
    metrics: Metrics
    block_list: BlockList
    routes: Routes
    running: Callable[[], AbstractAsyncContextManager[None]]
    """A context that runs the background tasks, and at its end closes all connections and the store."""


def build(
    database: str | Store,
    rules: Rules = Rules.OPEN,
    answers: AnswerSettings | None = None,
    limits: LimitSettings | None = None,
    *,
    key: KeySettings | None = None,
    gate: GateSettings | None = None,
    open_list_size: int | None = None,
    log_requests: bool = False,
    account_of_new_numbers: str | None = None,
    clock: Callable[[], Microseconds] = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
    metrics: Metrics | None = None,
    scrape: Callable[[], Awaitable[bytes]] | None = None,
    drops: RecentDrops | None = None,
    drops_since: DropsSince | None = None,
) -> Wired:
    """A server on `database`, which is an open store or a URL.

    A URL is opened, and its database migrated and synced; raises `CannotOpen`. If there are several workers, `scrape`
    and `drops_since` return the metrics and the drops of all of them. Without these two, a server returns only its own.
    """
    answers, limits, gate = answers or AnswerSettings(), limits or LimitSettings(), gate or GateSettings()
    metrics = metrics or Metrics()
    store = open_store(database, metrics) if isinstance(database, str) else database
    block_list = BlockList(store, RuleBook(rules, open_list_size), clock)
    access = Access(store, clock, monotonic, account_of_new_numbers)
    routes = routes_of(store, key or KeySettings(), clock, monotonic)
    lookups = NameLookups()
    forwarder, sender = HttpForwarder(resolver=lookups), HttpSender(resolver=lookups)
    shares = AccountShares(limits.max_connections)
    delivery = Delivery(
        routes.downstreams,
        forwarder,
        metrics,
        shares,
        Delivered(gate.deduplicate_for, monotonic) if gate.deduplicate_for else None,
        refuse_unrouted=gate.refuse_unrouted,
    )
    last_inbound = LastInboundWriter(block_list)
    drops = drops or RecentDrops()
    public_url = answers.public_url and answers.public_url.rstrip("/")

    async def own_drops(number: BusinessNumber, seq: int) -> Sequence[Drop]:
        return drops.since(number.account_id, number.phone_number_id, seq)

    @contextlib.asynccontextmanager
    async def running() -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_sweep(block_list)), asyncio.create_task(last_inbound.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await delivery.close()
            await forwarder.close()
            await sender.close()
            await last_inbound.flush()
            await store.close()

    application = Application(
        block_list=block_list,
        inbound=Inbound(
            accounts=routes.accounts,
            numbers=access,
            block_list=block_list,
            delivery=delivery,
            dashboard_test=DashboardTest(routes, store, forwarder, metrics, shares),
            last_inbound=last_inbound,
            drops=drops,
            meter=metrics,
            clock=clock,
            pass_unchecked=gate.pass_unchecked,
        ),
        outbound=Outbound(
            routes.upstreams, block_list, sender, metrics, shares, pass_unreadable=gate.pass_unreadable_recipients
        ),
        routes=routes,
        addresses=AddressCheck(lookups),
        drops=drops_since or own_drops,
        access=access,
        clock=clock,
        is_ready=Readiness(store.is_ready, monotonic),
        metrics=metrics,
        scrape=scrape or metrics.text,
        rates=RateLimits(
            Rate(limits.requests_per_minute_per_token, monotonic),
            Rate(limits.requests_per_minute_per_number, monotonic),
        ),
        limits=limits.limits(),
        options=Options(
            partial_failure_status=answers.partial_failure_status,
            list_has_input=answers.list_has_input,
            token_in_parameters=answers.token_in_parameters,
            public_url=public_url,
            pass_through=gate.pass_through,
            log_requests=log_requests,
        ),
        reference=Pages(document(), public_url).routes(),
    )
    return Wired(application, store, metrics, block_list, routes, running)


def routes_of(
    store: Store,
    key: KeySettings,
    clock: Callable[[], Microseconds] = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
) -> Routes:
    """The routes in a store. The secret key is read, or created, only when a secret is first sealed or opened."""

    def vault() -> AeadVault:
        path = key.secret_key_file or default_key_file()
        return AeadVault(keys_from_text(key.secret_key or key_file(path, make=not store.is_shared)))

    return Routes(store, LazyVault(vault), clock, monotonic)


async def _sweep(block_list: BlockList) -> None:
    while True:
        try:
            await block_list.sweep()
        except GraphError:
            _log.warning("the sweep of expired blocks failed; the next attempt is in %s s", _SWEEP_EVERY)
        await asyncio.sleep(_SWEEP_EVERY)
