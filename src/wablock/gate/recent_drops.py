"""A memory of recent drops, so that people can see what the gate does. It has no bodies and no full phone numbers."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import msgspec

from wablock.block_list.ports import BusinessNumber, Member, Microseconds

_MOST_DROPS_EACH: Final = 100
_MOST_NUMBERS: Final = 1_000


class Drop(msgspec.Struct, frozen=True):
    """One message or call that was dropped. `size` is in bytes.

    `seq` increases with every drop, also after a restart: it is the time, or the last `seq` plus one if that is larger.
    """

    seq: int
    at: Microseconds
    sender: str
    type: str
    size: int


class RecentDrops:
    """The last 100 drops of each number in this process since its start.

    Drops belong to the account that had the number at that time. If another account gets the number, it does not see
    them.
    """

    def __init__(self) -> None:
        self._seq = 0
        self._drops: dict[tuple[str, str], deque[Drop]] = {}

    def add(self, number: BusinessNumber, at: Microseconds, sender: Member, kind: str, size: int) -> None:
        self._seq = max(self._seq + 1, at)
        key = number.account_id, number.phone_number_id
        drops = self._drops.pop(key, None)
        if drops is None:
            drops = deque(maxlen=_MOST_DROPS_EACH)
            if len(self._drops) >= _MOST_NUMBERS:  # forget the number whose last drop is the oldest
                del self._drops[next(iter(self._drops))]
        self._drops[key] = drops
        drops.append(Drop(self._seq, at, masked(sender), kind, size))

    def since(self, number: BusinessNumber, seq: int) -> Sequence[Drop]:
        """The drops after `seq` of a number while it belonged to its account, oldest first. Thread-safe."""
        key = number.account_id, number.phone_number_id
        return [drop for drop in tuple(self._drops.get(key, ())) if drop.seq > seq]


DropsSince = Callable[[BusinessNumber, int], Awaitable[Sequence[Drop]]]
"""A function that returns the last drops of a number after a `seq`, oldest first. It covers one process, or all."""


def merged(parts: Iterable[Sequence[Drop]]) -> Sequence[Drop]:
    """The last drops of several processes together, oldest first."""
    return sorted((drop for part in parts for drop in part), key=lambda drop: drop.seq)[-_MOST_DROPS_EACH:]


def masked(sender: Member) -> str:
    """The first 3 characters and the last 2: enough to recognise a known user."""
    text = sender.wa_id or sender.user_id or sender.key
    return f"{text[:3]}…{text[-2:]}"
