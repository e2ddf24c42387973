"""Which messages a receiver has already, and which are on their way to it.

Senders send again what they have no answer for, and may send the same message twice at once. A copy that comes while
another one is on its way waits for it: the message is left out if the receiver took it, and sent if it did not. A
delivery claims all its messages for one receiver in one step and waits with none, so no two wait for each other.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final

from wablock.gate.webhook.items import Item, Message

_MOST_REMEMBERED: Final = 100_000

_MessageKey = tuple[str, str]


class StillOnTheWay(Exception):
    """Another copy of a message was on its way to the receiver for too long."""


class Delivered:
    """Message ids that receivers took within the last `seconds`, as far as this process knows."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._until: dict[_MessageKey, float] = {}
        self._on_the_way: dict[_MessageKey, asyncio.Event] = {}

    def has(self, receiver: str, item: Item) -> bool:
        if not _counts(item):
            return False
        return self._until.get((receiver, item.id or ""), 0.0) > self._monotonic()

    def add(self, receiver: str, items: Iterable[Item]) -> None:
        """Only once the receiver said so: what failed has to come again."""
        now = self._monotonic()
        for item in items:
            if _counts(item):
                self._until[receiver, item.id or ""] = now + self._seconds
        while len(self._until) > _MOST_REMEMBERED:
            del self._until[next(iter(self._until))]

    @contextlib.asynccontextmanager
    async def claimed(self, receiver: str, items: Sequence[Item], patience: float) -> AsyncIterator[bool]:
        """In the block no other delivery sends one of these messages to the receiver. Yields whether the receiver has
        some of them meanwhile. Raises `StillOnTheWay` after `patience` seconds.
        """
        keys = {(receiver, item.id or "") for item in items if _counts(item)}
        if self._other(keys):
            await self._wait_for_others(keys, patience)
        ended = asyncio.Event()
        self._on_the_way.update(dict.fromkeys(keys, ended))
        try:
            yield any(self.has(receiver, item) for item in items)
        finally:
            for key in keys:
                del self._on_the_way[key]
            ended.set()

    async def _wait_for_others(self, keys: Iterable[_MessageKey], patience: float) -> None:
        """On return no other delivery has claimed one of `keys`: nothing is awaited after that was seen."""
        if asyncio.current_task() is None:
            await asyncio.sleep(0)  # now there is one, which `asyncio.timeout` needs
        try:
            async with asyncio.timeout(patience):
                while other := self._other(keys):
                    await other.wait()
        except TimeoutError:
            raise StillOnTheWay from None

    def _other(self, keys: Iterable[_MessageKey]) -> asyncio.Event | None:
        return next((self._on_the_way[key] for key in keys if key in self._on_the_way), None)


def _counts(item: Item) -> bool:
    return isinstance(item, Message) and bool(item.id)  # a call has several events under one id
