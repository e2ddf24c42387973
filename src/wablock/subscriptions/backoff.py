"""The waits between attempts to deliver the events of a list: they grow with each failure."""

from collections.abc import Callable
from typing import Final

_FIRST: Final = 1.0  # seconds
LONGEST: Final = 300.0
_MOST_DOUBLINGS: Final = 16


class Backoff:
    """When the next attempt for each list is due. `chance`: a random number from 0 to 1, which spreads the attempts."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._failures: dict[str, tuple[int, float]] = {}

    def is_due(self, list_id: str, now: float) -> bool:
        _, due_at = self._failures.get(list_id, (0, now))
        return due_at <= now

    def failed(self, list_id: str, now: float) -> None:
        failures, _ = self._failures.get(list_id, (0, now))
        wait = min(_FIRST * 2 ** min(failures, _MOST_DOUBLINGS), LONGEST)
        self._failures[list_id] = failures + 1, now + wait * (1 + self._chance()) / 2

    def succeeded(self, list_id: str) -> None:
        self._failures.pop(list_id, None)

    def keep(self, list_ids: set[str]) -> None:
        """Forget all other lists."""
        self._failures = {it: failure for it, failure in self._failures.items() if it in list_ids}
