"""The deliverer of a process: it looks for events that subscribers have not accepted, and lets couriers send them.

Several processes may use one database. Each subscription is delivered by the one that has its lease; see `leases`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

from wablock.contract.errors import GraphError
from wablock.subscriptions.courier import Courier, Tools
from wablock.subscriptions.leases import Leases
from wablock.subscriptions.ports import Backlog, SealedSubscription

_log = logging.getLogger("wablock.subscriptions")

_LOOK_EVERY: Final = 1.0  # seconds
_LEAST_BETWEEN: Final = 0.05  # seconds, also if commits wake it
_TIMES_AS_LONG: Final = 20
"""A look is followed by a wait of so many times its own length, so that looks never take much of the process."""
_MOST_BETWEEN: Final = 1.5
"""Seconds. Leases are renewed in time also after a look that took long, as one at a database that does not answer."""


class Deliverer:
    def __init__(self, tools: Tools, holder: str) -> None:
        """`holder`: a name that no other process has."""
        self._tools = tools
        self._leases = Leases(holder)
        self._couriers: dict[str, Courier] = {}
        self._has_subscriptions = False
        self._is_failing = False
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look soon: this process has committed a change."""
        if self._has_subscriptions:
            self._woken.set()

    async def run(self) -> None:
        """Look again and again. Failures of the database do not end it."""
        while True:
            before = self._tools.monotonic()
            await self._try_to_look()
            took = self._tools.monotonic() - before
            least = min(max(_LEAST_BETWEEN, _TIMES_AS_LONG * took), _MOST_BETWEEN)
            await asyncio.sleep(least)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), max(0.0, _LOOK_EVERY - least))

    async def _try_to_look(self) -> None:
        """Look. Failures are logged once, not at each look: a database that is being moved refuses all leases."""
        try:
            await self.look()
        except Exception as error:
            if not self._is_failing:
                details = None if isinstance(error, GraphError) else error
                _log.warning("events are not delivered, because the database failed: %s", error, exc_info=details)
            self._is_failing = True
        else:
            if self._is_failing:
                _log.info("events are delivered again")
            self._is_failing = False

    async def look(self) -> None:
        """Look once for events, and begin to send those of the subscriptions that this process delivers."""
        self._woken.clear()
        subscriptions = await self._tools.store.subscriptions()
        self._has_subscriptions = bool(subscriptions)
        backlogs = await self._backlogs(subscriptions)
        due = [it for it in subscriptions if it.subscription_id in backlogs]
        await self._lease(due)
        await self._forget_others(subscriptions)
        waiting = 0
        for it in due:
            if self._may_send(it.subscription_id):
                waiting += len(backlogs[it.subscription_id])
                self._courier_of(it).deliver(backlogs[it.subscription_id])
        self._tools.meter.lists_waiting(waiting)

    async def idle(self) -> None:
        """Returns when nothing is being sent."""
        for courier in list(self._couriers.values()):
            await courier.idle()

    async def close(self) -> None:
        """Stop sending, and let other processes go on at once."""
        for courier in list(self._couriers.values()):
            await courier.close()
        if self._couriers:
            with contextlib.suppress(GraphError):
                await self._tools.store.release(self._leases.holder)

    async def _backlogs(self, subscriptions: Sequence[SealedSubscription]) -> dict[str, list[Backlog]]:
        backlogs: dict[str, list[Backlog]] = {}
        for account_id in dict.fromkeys(it.account_id for it in subscriptions):
            for backlog in await self._tools.store.backlogs(account_id):
                backlogs.setdefault(backlog.subscription_id, []).append(backlog)
            await asyncio.sleep(0)  # SQLite is read without waiting, and other requests wait for the loop
        return backlogs

    async def _lease(self, due: Sequence[SealedSubscription]) -> None:
        now = self._tools.monotonic()
        wanted = self._leases.wanted(due, now)
        if wanted:
            self._leases.extend(await self._tools.store.lease(self._leases.holder, wanted), now)

    async def _forget_others(self, subscriptions: Sequence[SealedSubscription]) -> None:
        """Stop the couriers of subscriptions that were removed."""
        for subscription_id in self._couriers.keys() - {it.subscription_id for it in subscriptions}:
            self._leases.forget(subscription_id)
            await self._couriers.pop(subscription_id).close()

    def _courier_of(self, subscription: SealedSubscription) -> Courier:
        subscription_id = subscription.subscription_id
        courier = self._couriers.get(subscription_id)
        if courier is None:
            courier = Courier(self._tools, subscription, lambda: self._may_send(subscription_id))
            self._couriers[subscription_id] = courier
        return courier

    def _may_send(self, subscription_id: str) -> bool:
        return self._leases.lasts(subscription_id, self._tools.monotonic())
