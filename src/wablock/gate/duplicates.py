"""The memory of messages that receivers have accepted, and of those that are in flight to them.

Senders retry requests that got no response, and may send the same message twice at the same time. A copy that arrives
while another one is in flight waits for its result. It is sent only if the receiver did not accept the other copy. A
delivery claims all its messages for one receiver in one step, and has no claim while it waits. So two deliveries never
wait for each other.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final

from wablock.gate.webhook.items import Item, Message

_MOST_REMEMBERED: Final = 100_000

_MessageKey = tuple[object, str]
"""A receiver, see `Downstream.receiver`, and the id of a message."""


class StillInFlight(Exception):
    """Another copy of a message was in flight to the receiver for too long."""


class Delivered:
    """The ids of messages that receivers accepted from this process within the last `seconds`."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._until: dict[_MessageKey, float] = {}
        self._in_flight: dict[_MessageKey, asyncio.Event] = {}

    def has(self, receiver: object, item: Item) -> bool:
        if not _is_remembered(item):
            return False
        return self._until.get((receiver, item.id or ""), 0.0) > self._monotonic()

    def add(self, receiver: object, items: Iterable[Item]) -> None:
        """Remember messages that the receiver has accepted. A message that failed must not be added."""
        now = self._monotonic()
        for item in items:
            if _is_remembered(item):
                self._until[receiver, item.id or ""] = now + self._seconds
        while len(self._until) > _MOST_REMEMBERED:
            del self._until[next(iter(self._until))]

    @contextlib.asynccontextmanager
    async def claimed(self, receiver: object, items: Sequence[Item], max_wait: float) -> AsyncIterator[bool]:
        """A context in which no other delivery sends one of these messages to the receiver. Yields whether the receiver
        has accepted some of them in the meantime. Raises `StillInFlight` after `max_wait` seconds.
        """
        keys = {(receiver, item.id or "") for item in items if _is_remembered(item)}
        if self._other(keys):
            await self._wait_for_others(keys, max_wait)
        ended = asyncio.Event()
        self._in_flight.update(dict.fromkeys(keys, ended))
        try:
            yield any(self.has(receiver, item) for item in items)
        finally:
            for key in keys:
                del self._in_flight[key]
            ended.set()

    async def _wait_for_others(self, keys: Iterable[_MessageKey], max_wait: float) -> None:
        """On return no other delivery claims one of `keys`: nothing is awaited between the last check and return."""
        if asyncio.current_task() is None:
            await asyncio.sleep(0)  # continues in a task, which `asyncio.timeout` needs
        try:
            async with asyncio.timeout(max_wait):
                while other := self._other(keys):
                    await other.wait()
        except TimeoutError:
            raise StillInFlight from None

    def _other(self, keys: Iterable[_MessageKey]) -> asyncio.Event | None:
        return next((self._in_flight[key] for key in keys if key in self._in_flight), None)


def _is_remembered(item: Item) -> bool:
    return isinstance(item, Message) and bool(item.id)  # not a call: it has several events with the same id
