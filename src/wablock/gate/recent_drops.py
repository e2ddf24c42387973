"""Recent drops, so that people can see what the gate does: never a body, never a whole number."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import msgspec

from wablock.block_list.ports import BusinessNumber, Member, Microseconds

_KEPT_EACH: Final = 100
_MOST_NUMBERS: Final = 1_000


class Drop(msgspec.Struct, frozen=True):
    """One message or call that was taken out. `size` is in bytes.

    `seq` grows with every drop, over restarts too: it is the time, or one more than the last.
    """

    seq: int
    at: Microseconds
    sender: str
    type: str
    size: int


class RecentDrops:
    """The last 100 drops of each number, of this process and since its start.

    They are the account's that had the number: another account that has it next does not see them.
    """

    def __init__(self) -> None:
        self._seq = 0
        self._drops: dict[tuple[str, str], deque[Drop]] = {}

    def add(self, number: BusinessNumber, at: Microseconds, sender: Member, kind: str, size: int) -> None:
        self._seq = max(self._seq + 1, at)
        owned = number.account_id, number.phone_number_id
        drops = self._drops.pop(owned, None)
        if drops is None:
            drops = deque(maxlen=_KEPT_EACH)
            if len(self._drops) >= _MOST_NUMBERS:  # the number that has been quiet for longest makes room
                del self._drops[next(iter(self._drops))]
        self._drops[owned] = drops
        drops.append(Drop(self._seq, at, masked(sender), kind, size))

    def since(self, account_id: str, phone_number_id: str, seq: int) -> Sequence[Drop]:
        """The drops after `seq` of a number while it was the account's, oldest first. From any thread."""
        return [drop for drop in tuple(self._drops.get((account_id, phone_number_id), ())) if drop.seq > seq]


DropsSince = Callable[[BusinessNumber, int], Awaitable[Sequence[Drop]]]
"""The last drops of a number after a `seq`, oldest first: as far as whoever is asked knows."""


def merged(parts: Iterable[Sequence[Drop]]) -> Sequence[Drop]:
    """The last of what several processes have taken out, as if it had been one."""
    return sorted((drop for part in parts for drop in part), key=lambda drop: drop.seq)[-_KEPT_EACH:]


def masked(sender: Member) -> str:
    """Enough to recognise somebody one knows: the first 3 characters and the last 2."""
    text = sender.wa_id or sender.user_id or sender.key
    return f"{text[:3]}…{text[-2:]}"
