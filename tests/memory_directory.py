"""`MemoryDirectory`: a `Directory` in dictionaries, without durability; it counts its calls."""

from collections.abc import Iterable, Sequence

import msgspec

from wablock.access import AccessToken
from wablock.block_list.ports import BusinessNumber, Microseconds


class MemoryDirectory:
    def __init__(self, numbers: Iterable[BusinessNumber] = (), tokens: Iterable[AccessToken] = ()) -> None:
        self.lookups = 0
        self.completed = 0
        self._numbers = {number.phone_number_id: number for number in numbers}
        self._tokens = {token.digest: token for token in tokens}

    async def find_token(self, digest: bytes) -> AccessToken | None:
        self.lookups += 1
        return self._tokens.get(digest)

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None:
        self.lookups += 1
        return self._numbers.get(phone_number_id)

    async def tokens(self, account_id: str | None = None) -> Sequence[AccessToken]:
        tokens = [token for token in self._tokens.values() if account_id in (None, token.account_id)]
        return sorted(tokens, key=lambda token: token.created_at)

    async def numbers(self) -> Sequence[BusinessNumber]:
        return [self._numbers[phone_number_id] for phone_number_id in sorted(self._numbers)]

    async def add_token(self, token: AccessToken) -> bool:
        maker = self._tokens.get(token.made_by or b"")
        if maker is not None and maker.revoked_at is not None:
            return False
        return self._tokens.setdefault(token.digest, token) is token

    async def revoke_token(self, digest: bytes, at: Microseconds) -> bool:
        token = self._tokens.get(digest)
        if token is None or token.revoked_at is not None:
            return False
        self._tokens[digest] = msgspec.structs.replace(token, revoked_at=at)
        return True

    async def add_number(self, number: BusinessNumber, at: Microseconds) -> bool:  # noqa: ARG002 - the port's
        return self._numbers.setdefault(number.phone_number_id, number) is number

    async def complete_number(self, number: BusinessNumber) -> BusinessNumber | None:
        self.completed += 1
        known = self._numbers.get(number.phone_number_id)
        if known is None or known.account_id != number.account_id:
            return None
        complete = msgspec.structs.replace(
            known, wa_id=known.wa_id or number.wa_id, country=known.country or number.country
        )
        self._numbers[number.phone_number_id] = complete
        return complete

    async def remove_number(self, phone_number_id: str) -> bool:
        return self._numbers.pop(phone_number_id, None) is not None
