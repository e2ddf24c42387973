"""The virtual clock of a development server."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from wablock.block_list.ports import Microseconds

_LATEST: Final = 221_845_392_000_000_000  # the beginning of the year 9000: `datetime` ends at 9999


class ClockState(msgspec.Struct, frozen=True):
    """The state of a clock: `ahead` of the real one, or stopped at a moment."""

    ahead: Microseconds = 0
    stopped_at: Microseconds | None = None


class VirtualClock:
    """Runs like `real` until it is set or stopped. Times are microseconds since 1970."""

    def __init__(self, real: Callable[[], Microseconds]) -> None:
        self._real = real
        self.state = ClockState()

    def __call__(self) -> Microseconds:
        state = self.state
        return self._real() + state.ahead if state.stopped_at is None else state.stopped_at

    @property
    def is_stopped(self) -> bool:
        return self.state.stopped_at is not None

    def stop(self) -> None:
        """Stop at the current moment."""
        self.state = ClockState(stopped_at=self())

    def start(self) -> None:
        """Run again, from the current moment."""
        self.state = ClockState(ahead=self() - self._real())

    def set(self, moment: Microseconds) -> None:
        """Set the clock to `moment`; a stopped clock stays stopped. Raises `ValueError` outside of 1970 to 9000."""
        if not 0 <= moment <= _LATEST:
            raise ValueError("the time must be between the years 1970 and 9000")
        is_stopped = self.is_stopped
        self.state = ClockState(stopped_at=moment) if is_stopped else ClockState(ahead=moment - self._real())

    def advance(self, by: Microseconds) -> None:
        self.set(self() + by)


def iso(moment: Microseconds) -> str:
    """The moment as ISO 8601, to the microsecond."""
    seconds, rest = divmod(moment, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest).isoformat(timespec="microseconds")
