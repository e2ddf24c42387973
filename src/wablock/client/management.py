"""The client's calls to wablock's own API, `/v1`, for one number. No I/O here."""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from wablock.client.answers import Checked, CheckedUser, FailedUser, RecentDropList
from wablock.client.exchange import Exchange, HttpRequest
from wablock.client.failures import ApiError, ClientError, SomeUsersFailed, UnknownObject
from wablock.client.retrying import Retries, decoded_response, results_missing
from wablock.client.users import chunks, results_for

_UNKNOWN_PATH: Final = 2500


class _CheckRequest(msgspec.Struct):
    users: list[str]


class ManagementCalls:
    """The calls for the number `phone_number_id`, which is part of every path."""

    def __init__(self, phone_number_id: str, retries: Retries, chance: Callable[[], float]) -> None:
        self._phone_number_id = phone_number_id
        self._path = f"/v1/numbers/{phone_number_id}"
        self._retries = retries
        self._chance = chance

    def check(self, users: Sequence[str]) -> Exchange[list[CheckedUser]]:
        """Whether each of `users` is blocked.

        Raises `SomeUsersFailed` if some cannot be checked, and `NoAnswer` if the response leaves a user out.
        """
        checked: list[CheckedUser] = []
        failed: list[FailedUser] = []
        try:
            for chunk in chunks(users):
                request = HttpRequest("POST", f"{self._path}/check", msgspec.json.encode(_CheckRequest(chunk)))
                body, response = yield from decoded_response(request, Checked, self._retries, self._chance)
                checked_in_chunk, missing = results_for(chunk, body.users)
                failed_in_chunk, missing = results_for(missing, body.failed_users)
                checked += checked_in_chunk
                failed += failed_in_chunk
                if missing:
                    raise results_missing(response)
        except ClientError as error:
            error.done, error.failed = checked, failed
            raise
        if failed:
            raise SomeUsersFailed(checked, failed)
        return checked

    def has_no_check(self, error: ApiError) -> bool:
        """Whether the error means that the path does not exist. Graph reads the path's first part as an object's id."""
        unknown_id = isinstance(error, UnknownObject) and self._phone_number_id not in error.message
        return error.code == _UNKNOWN_PATH or unknown_id or error.status == 404

    def drops(self, after: int) -> Exchange[RecentDropList]:
        """The drops whose `seq` is greater than `after`, oldest first."""
        request = HttpRequest("GET", f"{self._path}/drops?{urlencode({'after': after})}")
        drops, _ = yield from decoded_response(request, RecentDropList, self._retries, self._chance)
        return drops
