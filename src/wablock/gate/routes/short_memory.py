"""The cache of routes, which keeps a value of the store for half a second."""

from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

_TRUSTED_FOR: Final = 0.5  # seconds, so that a change on another node takes effect within one second
_MOST_REMEMBERED: Final = 10_000


class ShortMemory(Generic[_T]):
    """The values that `read` returned, by key."""

    def __init__(self, read: Callable[[str], Awaitable[_T | None]], monotonic: Callable[[], float]) -> None:
        self._read = read
        self._monotonic = monotonic
        self._values: dict[str, tuple[float, _T]] = {}

    async def get(self, key: str) -> _T | None:
        """None is not remembered: a webhook can name any account before its signature is checked."""
        now = self._monotonic()
        values = self._values
        cache_entry = values.get(key)
        if cache_entry is not None and now - cache_entry[0] < _TRUSTED_FOR:
            return cache_entry[1]
        value = await self._read(key)
        if value is not None:
            if len(values) >= _MOST_REMEMBERED:
                values.clear()
            values[key] = now, value
        return value

    def forget(self) -> None:
        """A read that is in flight writes its value into the old dictionary, so it is not remembered."""
        self._values = {}
