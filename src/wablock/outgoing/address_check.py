"""The check of a URL at the time when a caller sets it. See `PublicAddresses`."""

from wablock.contract.errors import InvalidParameter
from wablock.outgoing.dial import Resolver, resolve
from wablock.outgoing.name_lookups import on_behalf_of
from wablock.public_address import BadAddress, NotPublic, checked_url


class AddressCheck:
    """Resolves the host, so that the caller gets an error for a bad URL at once.

    The host may resolve to another address later, so `dial` checks the address again before each connection.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def check(self, url: str, account_id: str) -> None:
        """See `PublicAddresses.check`."""
        try:
            parts = checked_url(url)
            with on_behalf_of(account_id):
                await resolve(parts.host, parts.port, may_be_inside=False, resolver=self._resolver)
        except (BadAddress, NotPublic) as error:
            raise InvalidParameter("Param url cannot be used.", str(error)) from None
        except OSError as error:
            raise InvalidParameter("Param url cannot be used.", f"Its host was not found: {error}") from None
