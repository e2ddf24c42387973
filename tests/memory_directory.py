"""`MemoryDirectory`: a `Directory` in dictionaries, without durability; it counts its calls."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET

from wablock.access import AccessToken
from wablock.block_list.ports import BusinessNumber, Microseconds
from wablock.business_numbers import NumberChanges
from wablock.failures import NumberNameTaken
from wablock.names import name_key


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

    async def numbers(self, account_id: str | None = None) -> Sequence[BusinessNumber]:
        numbers = [self._numbers[phone_number_id] for phone_number_id in sorted(self._numbers)]
        return [number for number in numbers if account_id in (None, number.account_id)]

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

    async def add_number(self, number: BusinessNumber, at: Microseconds) -> bool:
        if number.phone_number_id in self._numbers:
            return False
        self._check_name(number, number.name)
        self._numbers[number.phone_number_id] = msgspec.structs.replace(number, created_at=at)
        return True

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

    async def change_number(self, number: BusinessNumber, changes: NumberChanges) -> BusinessNumber | None:
        known = self._numbers.get(number.phone_number_id)
        if known is None or known.account_id != number.account_id:
            return None
        values = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
        self._check_name(number, values.get("name"))
        changed = msgspec.structs.replace(known, **values)
        self._numbers[number.phone_number_id] = changed
        return changed

    async def remove_number(self, phone_number_id: str) -> bool:
        return self._numbers.pop(phone_number_id, None) is not None

    def _check_name(self, number: BusinessNumber, name: str | None) -> None:
        for other in self._numbers.values():
            is_another = other.account_id == number.account_id and other.phone_number_id != number.phone_number_id
            if is_another and name and other.name and name_key(name) == name_key(other.name):
                raise NumberNameTaken(name)
