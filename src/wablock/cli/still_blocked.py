"""The users that `wablock unblock` removes from the number's own list, although a shared list still blocks them."""

from collections.abc import Sequence

import msgspec

from wablock.cli.api_server import is_missing
from wablock.client import (
    ApiError,
    BlockingList,
    CheckedUser,
    Client,
    ClientError,
    InvalidAccessToken,
    NoAnswer,
    PermissionDenied,
    SomeUsersFailed,
    UserDone,
)

_NOT_FOUND = 404


class StillBlocked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user that a shared list blocks. `effect`: what the unblock did to the number's own list."""

    input: str
    list: BlockingList
    wa_id: str | None = None
    user_id: str | None = None
    effect: str | None = None


class Unblocking:
    """Unblocks users and checks which of them a shared list still blocks.

    `may_check` becomes False if the server has no check, and so no shared lists. `denied`: the token may not check.
    """

    def __init__(self) -> None:
        self.may_check = True
        self.denied = False
        self._lists: dict[str, BlockingList] = {}

    def __call__(self, client: Client, users: Sequence[str]) -> Sequence[UserDone]:
        refusal: SomeUsersFailed | None = None
        try:
            done: Sequence[UserDone] = client.unblock(users)
        except SomeUsersFailed as error:
            done, refusal = error.done, error
        try:
            checked = self._checked(client, [user.input for user in done])
        except ClientError as error:
            error.done, error.failed, error.unknown = done, () if refusal is None else refusal.failed, ()
            raise
        self._lists |= {user.input: user.list for user in checked if user.list is not None}
        if refusal is not None:
            raise refusal
        return done

    def separate(self, done: Sequence[UserDone]) -> tuple[list[UserDone], list[StillBlocked]]:
        """The users who are unblocked, and those who are not."""
        blocked = [
            StillBlocked(it.input, self._lists[it.input], it.wa_id, it.user_id, it.effect)
            for it in done
            if it.input in self._lists
        ]
        return [it for it in done if it.input not in self._lists], blocked

    def _checked(self, client: Client, users: Sequence[str]) -> Sequence[CheckedUser]:
        if not self.may_check or not users:
            return ()
        try:
            return client.check(users, may_list=False)
        except SomeUsersFailed as error:  # an unblock finds also what is no number any more
            checked: Sequence[CheckedUser] = error.done
            return checked
        except (ApiError, NoAnswer) as error:
            self.denied = isinstance(error, PermissionDenied)
            if not self.denied and not _has_no_check(error):
                raise
            self.may_check = False
            return ()


def _has_no_check(error: ApiError | NoAnswer) -> bool:
    if isinstance(error, NoAnswer):
        return error.status == _NOT_FOUND
    return not isinstance(error, InvalidAccessToken) and is_missing(error)
