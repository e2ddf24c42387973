"""`/dev/clock`: the server's virtual clock."""

from collections.abc import Callable

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.block_list.rules import SECOND
from wablock.contract.errors import InvalidParameter
from wablock.kit.clock import VirtualClock, iso
from wablock.kit.dev_requests import DevHandler, read_body
from wablock.server.decoding import moment
from wablock.server.request import Request


class ClockReading(msgspec.Struct):
    """`now` as ISO 8601, `microseconds` since 1970."""

    now: str
    microseconds: Microseconds
    stopped: bool


class SetClock(msgspec.Struct, forbid_unknown_fields=True):
    """`now` in seconds since 1970 or as ISO 8601; or `microseconds`, which is exact."""

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
            ("GET", "/dev/clock"): self._get_clock,
            ("PUT", "/dev/clock"): self._set_clock,
            ("POST", "/dev/clock/advance"): self._advance,
        }

    async def _get_clock(self, _: Request) -> ClockReading:
        now = self._clock()
        return ClockReading(iso(now), now, self._clock.is_stopped)

    async def _set_clock(self, request: Request) -> ClockReading:
        settings = await read_body(request, SetClock)
        if settings.stopped is not None and settings.stopped != self._clock.is_stopped:
            (self._clock.stop if settings.stopped else self._clock.start)()
        self._move(lambda: self._set(settings))
        return await self._get_clock(request)

    async def _advance(self, request: Request) -> ClockReading:
        by = await read_body(request, Advance)
        seconds = by.days * 86_400 + by.hours * 3_600 + by.minutes * 60 + by.seconds
        self._move(lambda: self._clock.advance(round(seconds * SECOND)))
        return await self._get_clock(request)

    def _set(self, settings: SetClock) -> None:
        if settings.microseconds is not None:
            self._clock.set(settings.microseconds)
        elif isinstance(settings.now, str):
            self._clock.set(moment(settings.now, "now") or 0)
        elif settings.now is not None:
            self._clock.set(round(settings.now * SECOND))

    def _move(self, move: Callable[[], None]) -> None:
        try:
            move()
        except (ValueError, OverflowError) as error:
            raise InvalidParameter("The clock cannot be set to this time.", f"{error}") from None
