"""Which messages a receiver has already: senders send again what they have no answer for."""

from collections.abc import Callable, Iterable
from typing import Final

from wablock.gate.webhook.documented import Item, Message

_MOST_REMEMBERED: Final = 100_000


class Delivered:
    """Message ids that receivers took within the last `seconds`, as far as this process knows."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._until: dict[tuple[str, str], float] = {}

    def has(self, receiver: str, item: Item) -> bool:
        if not isinstance(item, Message) or not item.id:  # a call has several events under one id
            return False
        return self._until.get((receiver, item.id), 0.0) > self._monotonic()

    def add(self, receiver: str, items: Iterable[Item]) -> None:
        """Only once the receiver said so: what failed has to come again."""
        now = self._monotonic()
        for item in items:
            if isinstance(item, Message) and item.id:
                self._until[receiver, item.id] = now + self._seconds
        while len(self._until) > _MOST_REMEMBERED:
            del self._until[next(iter(self._until))]
