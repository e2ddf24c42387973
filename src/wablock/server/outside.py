"""Addresses that a caller may name: those outside alone."""

from wablock.addresses import BadAddress, InsideAddress, checked_url, resolve
from wablock.contract.errors import InvalidParameter


async def check_outside(url: str) -> None:
    """Refused at once, so that the caller learns of it; what counts is the check of the address that is used."""
    try:
        parts = checked_url(url)
        await resolve(parts.host, parts.port, may_be_inside=False)
    except (BadAddress, InsideAddress) as trouble:
        raise InvalidParameter("Param url cannot be used.", str(trouble)) from None
    except OSError:
        raise InvalidParameter("Param url cannot be used.", "Its host has no address") from None
