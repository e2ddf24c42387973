"""`/dev/clock`: what time the server believes it is."""

from collections.abc import Callable

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.block_list.rules import SECOND
from wablock.contract.errors import InvalidParameter
from wablock.kit.clock import VirtualClock, iso
from wablock.kit.dev_requests import DevHandler, said
from wablock.server.decoding import moment
from wablock.server.request import Request


class ClockTold(msgspec.Struct):
    """`now` as ISO 8601, `microseconds` since 1970."""

    now: str
    microseconds: Microseconds
    stopped: bool


class SetClock(msgspec.Struct, forbid_unknown_fields=True):
    """`now` in seconds since 1970 or as ISO 8601; `microseconds` instead, to the last digit."""

    now: float | str | None = None
    microseconds: Microseconds | None = None
    stopped: bool | None = None


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    days: float = 0.0
    hours: float = 0.0
    minutes: float = 0.0
    seconds: float = 0.0


class TimeRoutes:
    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def routes(self) -> dict[tuple[str, str], DevHandler]:
        return {
            ("GET", "/dev/clock"): self._tell_time,
            ("PUT", "/dev/clock"): self._set_clock,
            ("POST", "/dev/clock/advance"): self._advance,
        }

    async def _tell_time(self, _: Request) -> ClockTold:
        return self._time()

    async def _set_clock(self, request: Request) -> ClockTold:
        asked = await said(request, SetClock)
        if asked.stopped is not None and asked.stopped != self._clock.is_stopped:
            (self._clock.stop if asked.stopped else self._clock.start)()
        self._move(lambda: self._set(asked))
        return self._time()

    async def _advance(self, request: Request) -> ClockTold:
        by = await said(request, Advance)
        seconds = by.days * 86_400 + by.hours * 3_600 + by.minutes * 60 + by.seconds
        self._move(lambda: self._clock.advance(round(seconds * SECOND)))
        return self._time()

    def _set(self, asked: SetClock) -> None:
        if asked.microseconds is not None:
            self._clock.set(asked.microseconds)
        elif isinstance(asked.now, str):
            self._clock.set(moment(asked.now, "now") or 0)
        elif asked.now is not None:
            self._clock.set(round(asked.now * SECOND))

    def _move(self, move: Callable[[], None]) -> None:
        try:
            move()
        except (ValueError, OverflowError) as trouble:
            raise InvalidParameter("The clock cannot be set so.", f"{trouble}") from None

    def _time(self) -> ClockTold:
        now = self._clock()
        return ClockTold(iso(now), now, self._clock.is_stopped)
