"""The time at which a block expires, in the items of a request: what is not such a time."""

from datetime import datetime
from typing import Any

import msgspec

from wablock.contract.errors import InvalidParameter


def not_a_time(name: str) -> InvalidParameter:
    return InvalidParameter(
        f"Param {name} must be seconds since 1970 or an ISO 8601 time with a zone, such as 2027-01-31T12:00:00Z."
    )


def refuse_loose_times(items: Any) -> None:
    """Refuse what msgspec would read as an `expires_at` without `strict`: a number with a fraction as a `datetime`,
    and such numbers and `null` in a string too, as in a form.
    """
    for index, item in enumerate(items if isinstance(items, list) else ()):
        time = item.get("expires_at") if isinstance(item, dict) else None
        is_loose = isinstance(time, float) and not time.is_integer()
        if is_loose or (isinstance(time, str) and not _is_time(time)):
            raise not_a_time(f"block_users[{index}][expires_at]")


def _is_time(text: str) -> bool:
    if text.isascii() and text.isdigit():
        return True
    try:
        msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return False
    return True
