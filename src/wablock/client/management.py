"""The calls of wablock's own API, `/v1`, about one number. No I/O here."""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from wablock.client.answers import Checked, CheckedUser, FailedUser, RecentDropList
from wablock.client.exchange import Exchange, HttpRequest
from wablock.client.failures import ApiError, ClientError, NoAnswer, SomeUsersFailed, UnknownObject
from wablock.client.retrying import Retries, decoded_answer
from wablock.client.users import chunks

_UNKNOWN_PATH: Final = 2500


class _CheckRequest(msgspec.Struct):
    users: list[str]


class ManagementCalls:
    """`phone_number_id` is a part of every path."""

    def __init__(self, phone_number_id: str, retries: Retries, chance: Callable[[], float]) -> None:
        self._phone_number_id = phone_number_id
        self._path = f"/v1/numbers/{phone_number_id}"
        self._retries = retries
        self._chance = chance

    def check(self, users: Sequence[str]) -> Exchange[list[CheckedUser]]:
        """Whether each of `users` is blocked; raises `SomeUsersFailed`, and `NoAnswer` if a user has no answer."""
        found: list[CheckedUser] = []
        failed: list[FailedUser] = []
        try:
            for chunk in chunks(users):
                request = HttpRequest("POST", f"{self._path}/check", msgspec.json.encode(_CheckRequest(chunk)))
                checked, response = yield from decoded_answer(request, Checked, self._retries, self._chance)
                found += checked.users
                failed += checked.failed_users
                if len(checked.users) + len(checked.failed_users) < len(set(chunk)):
                    raise NoAnswer("The server did not answer for every user.", response.status)
        except ClientError as failure:
            failure.done, failure.failed = found, failed
            raise
        if failed:
            raise SomeUsersFailed(found, failed)
        return found

    def has_no_check(self, refusal: ApiError) -> bool:
        """Whether the refusal says that there is no such path: Graph takes its first part for an object's id."""
        unknown_id = isinstance(refusal, UnknownObject) and self._phone_number_id not in refusal.message
        return refusal.code == _UNKNOWN_PATH or unknown_id or refusal.status == 404

    def drops(self, after: int) -> Exchange[RecentDropList]:
        """The drops after the one with the `seq` `after`, oldest first."""
        request = HttpRequest("GET", f"{self._path}/drops?{urlencode({'after': after})}")
        drops, _ = yield from decoded_answer(request, RecentDropList, self._retries, self._chance)
        return drops
