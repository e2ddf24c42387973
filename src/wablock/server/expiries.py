"""The time at which a block expires, in the items of a request: what is not such a time."""

from typing import Any

from wablock.contract.errors import InvalidParameter


def not_a_time(name: str) -> InvalidParameter:
    return InvalidParameter(
        f"Param {name} must be seconds since 1970 or an ISO 8601 time with a zone, such as 2027-01-31T12:00:00Z."
    )


def refuse_fractions(items: Any) -> None:
    """Refuse a fraction of a second in `expires_at`. Without `strict`, msgspec reads such a number as a `datetime`."""
    for index, item in enumerate(items if isinstance(items, list) else ()):
        time = item.get("expires_at") if isinstance(item, dict) else None
        if isinstance(time, float) and not time.is_integer():
            raise not_a_time(f"block_users[{index}][expires_at]")
