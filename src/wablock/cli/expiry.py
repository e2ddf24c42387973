"""The time at which a block or a token expires, on the command line."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from cyclopts import validators

from wablock.cli.arguments import Refused
from wablock.cli.options import option
from wablock.contract.wire import LATEST, seconds_of

_DAY: Final = 86_400  # seconds

Until = Annotated[
    str | None, option("Time of expiry: ISO 8601 with a zone, such as 2027-01-31T12:00:00Z, or seconds since 1970.")
]
DAYS: Final = validators.Number(gt=0, lte=36_500)
ExpiresInDays = Annotated[float | None, option("Days until it expires. Default: never.", validator=DAYS)]


def expiry(until: str | None, expires_in_days: float | None, now: float) -> int | None:
    """The time in seconds since 1970, as `now` is; None: never. Raises `Refused` if it is not one time."""
    if until is None:
        return None if expires_in_days is None else _in_days(expires_in_days, now)
    if expires_in_days is not None:
        raise Refused("Pass --until or --expires-in-days, not both")
    return moment_of(until, "--until")


def moment_of(text: str, flag: str) -> int:
    """The time in seconds since 1970. Raises `Refused`, which begins with `flag`."""
    if text.isascii() and text.isdigit():
        if int(text[:20]) > LATEST:
            raise Refused(f"{flag} {text!r} is after the year 9999: write seconds, not milliseconds")
        return int(text)
    try:
        moment = msgspec.convert(text, datetime)  # as the API reads it
    except msgspec.ValidationError:
        raise Refused(f"{flag} {text!r} is not a time: write one such as 2027-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise Refused(f"{flag} {text!r} has no zone: add Z for UTC, or an offset such as +01:00")
    return seconds_of(moment)


def _in_days(days: float, now: float) -> int:
    if days * _DAY < 1:
        raise Refused(f"--expires-in-days {days} is less than a second")
    return int(now + days * _DAY)
