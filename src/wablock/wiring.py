"""Settings -> store -> BlockList -> application: the only place that chooses."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from wablock.access import Access
from wablock.block_list.ports import Microseconds, Rules
from wablock.block_list.rules import RuleBook
from wablock.block_list.service import BlockList
from wablock.contract.errors import GraphError
from wablock.server.app import Application, Options
from wablock.server.limits import Rate, RateLimits
from wablock.server.metrics import Metrics
from wablock.server.readiness import Readiness
from wablock.settings import AnswerSettings, LimitSettings
from wablock.storage import Store, open_store

_log = logging.getLogger("wablock")

_SWEEP_EVERY = 60  # seconds


def system_clock() -> Microseconds:
    return time.time_ns() // 1_000


class Wired(msgspec.Struct, frozen=True):
    """A server's parts, joined. Whoever has them runs `application`, whose lifespan closes the store."""

    application: Application
    store: Store
    metrics: Metrics


def build(
    database: str,
    rules: Rules = Rules.OPEN,
    answers: AnswerSettings | None = None,
    limits: LimitSettings | None = None,
    *,
    open_list_size: int | None = None,
    log_requests: bool = False,
    made_on_demand_for: str | None = None,
    clock: Callable[[], Microseconds] = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
) -> Wired:
    """A server on `database`, which is opened, migrated and synced on return; raises `CannotOpen`."""
    answers, limits = answers or AnswerSettings(), limits or LimitSettings()
    metrics = Metrics()
    store = open_store(database, metrics)
    block_list = BlockList(store, RuleBook(rules, open_list_size), clock)

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(block_list))
        try:
            yield
        finally:
            sweeping.cancel()
            await store.close()

    application = Application(
        block_list=block_list,
        access=Access(store, clock, monotonic, made_on_demand_for),
        clock=clock,
        is_ready=Readiness(store.is_ready, monotonic),
        metrics=metrics,
        rates=RateLimits(
            Rate(limits.requests_per_minute_per_token, monotonic),
            Rate(limits.requests_per_minute_per_number, monotonic),
        ),
        limits=limits.limits(),
        options=Options(
            partial_failure_status=answers.partial_failure_status,
            list_has_input=answers.list_has_input,
            token_in_parameters=answers.token_in_parameters,
            public_url=answers.public_url and answers.public_url.rstrip("/"),
            log_requests=log_requests,
        ),
        lifespan=lifespan,
    )
    return Wired(application, store, metrics)


async def _sweep(block_list: BlockList) -> None:
    while True:
        try:
            await block_list.sweep()
        except GraphError:
            _log.warning("the sweep of expired blocks failed; it is tried again in %s s", _SWEEP_EVERY)
        await asyncio.sleep(_SWEEP_EVERY)
