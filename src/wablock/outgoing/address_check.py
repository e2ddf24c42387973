"""The check of an address that a caller names, at the time when the caller names it. See `PublicAddresses`."""

from wablock.contract.errors import InvalidParameter
from wablock.outgoing.dial import Resolver, resolve
from wablock.outgoing.name_lookups import on_behalf_of
from wablock.public_address import BadAddress, NotPublic, checked_url


class AddressCheck:
    """Looks the name up, so that the caller learns of a bad address at once. What counts is the check in `dial`."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def check(self, url: str, account_id: str) -> None:
        """See `PublicAddresses.check`."""
        try:
            parts = checked_url(url)
            with on_behalf_of(account_id):
                await resolve(parts.host, parts.port, may_be_inside=False, resolver=self._resolver)
        except (BadAddress, NotPublic) as trouble:
            raise InvalidParameter("Param url cannot be used.", str(trouble)) from None
        except OSError as trouble:
            raise InvalidParameter("Param url cannot be used.", f"Its host was not found: {trouble}") from None
