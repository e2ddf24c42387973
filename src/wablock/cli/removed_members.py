"""The removal of users from a shared list one by one."""

from collections.abc import Sequence
from typing import Annotated, Final

from wablock.cli.options import option
from wablock.client import Client, ClientError, FailedUser, InvalidParameter, SomeUsersFailed, UserDone
from wablock.client.answers import ErrorBody, ErrorDetails

REMOVED_AT_ONCE: Final = 1  # the API has no request that removes several
_INVALID: Final = 100  # the code of an invalid parameter

WhyRemoved = Annotated[str | None, option("Why, up to 200 characters: recorded with the change.")]


def remove_one(
    client: Client, users: Sequence[str], *, reason: str | None = None, list_id: str | None = None
) -> list[UserDone]:
    """Remove the one user in `users`. Raises as the client does for a request with one user."""
    [user] = users
    try:
        removed = client.remove_member(user, reason=reason, list_id=list_id)
    except InvalidParameter as error:  # it is not a user
        body = ErrorBody(error.message, error.code, error_data=ErrorDetails(error.details))
        raise SomeUsersFailed([], [FailedUser(user, errors=[body])]) from None
    except ValueError as error:  # it cannot be in a path, so the client did not send it
        raise SomeUsersFailed([], [FailedUser(user, errors=[ErrorBody(str(error), _INVALID)])]) from None
    except ClientError as error:
        error.unknown = [user] if error.may_have_taken_effect else ()
        raise
    return [UserDone(user, effect=removed.effect)]
