"""The users that `wablock unblock` removes from the number's own list, although a shared list still blocks them."""

from collections.abc import Sequence

import msgspec

from wablock.cli.api_server import Server, is_missing
from wablock.cli.outcomes import BulkOutcome, outcome
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


class SharedListCheck:
    """Checks which unblocked users a shared list still blocks.

    `denied`: the token may not check.
    """

    def __init__(self) -> None:
        self._may_check = True
        self.denied = False
        self._failure: ClientError | None = None
        self._lists: dict[str, BlockingList] = {}

    def run(self, result: BulkOutcome[UserDone], server: Server) -> None:
        """Check the users who are done. A failure ends `result`, which keeps what was done.

        It runs after all users are unblocked, so that an end in between leaves out only checks.
        """
        if isinstance(result.cause, KeyboardInterrupt) or not result.done:
            return
        checks = outcome([user.input for user in result.done], server, self._checked, "Checking")
        self._lists = {user.input: user.list for user in checks.done if user.list is not None}
        cause = self._failure or checks.cause
        if cause is not None and result.cause is None:
            result.end(cause, server)

    def separate(self, done: Sequence[UserDone]) -> tuple[list[UserDone], list[StillBlocked]]:
        """The users who are unblocked, and those who are not."""
        blocked = [
            StillBlocked(it.input, self._lists[it.input], it.wa_id, it.user_id, it.effect)
            for it in done
            if it.input in self._lists
        ]
        return [it for it in done if it.input not in self._lists], blocked

    def _checked(self, client: Client, users: Sequence[str]) -> Sequence[CheckedUser]:
        if not self._may_check or not users:
            return ()
        try:
            return client.check(users, may_list=False)
        except SomeUsersFailed as error:  # an unblock finds also what is no number any more
            checked: Sequence[CheckedUser] = error.done
            return checked
        except ClientError as error:
            self._may_check = False
            self.denied = isinstance(error, PermissionDenied)
            if not self.denied and not _has_no_check(error):
                self._failure = error
            return ()


def _has_no_check(error: ClientError) -> bool:
    if isinstance(error, NoAnswer):
        return error.status == _NOT_FOUND
    return isinstance(error, ApiError) and not isinstance(error, InvalidAccessToken) and is_missing(error)
