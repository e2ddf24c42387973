"""Addresses that a caller may name: those outside alone."""

from wablock.addresses import BadAddress, NotPublic, Resolver, checked_url, resolve
from wablock.contract.errors import InvalidParameter
from wablock.name_lookups import on_behalf_of


class Outside:
    """Refuses others at once, so that the caller learns of it; what counts is the check of the address that is used."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def check(self, url: str, account_id: str) -> None:
        """Raises `InvalidParameter`. `account_id`: who names it."""
        try:
            parts = checked_url(url)
            with on_behalf_of(account_id):
                await resolve(parts.host, parts.port, may_be_inside=False, resolver=self._resolver)
        except (BadAddress, NotPublic) as trouble:
            raise InvalidParameter("Param url cannot be used.", str(trouble)) from None
        except OSError as trouble:
            raise InvalidParameter("Param url cannot be used.", f"Its host was not found: {trouble}") from None
