"""What a request says besides its users, and what became of them."""

from collections.abc import Sequence

import msgspec

from wablock.block_list.ports import NO_CAUSE, Cause, Effect, IfListed
from wablock.block_list.rules import Source
from wablock.contract import wire


class Result(msgspec.Struct, frozen=True):
    """The result for a request's users: each is in one of the two lists, in the order of the request.

    `effects` has what the change did to each user in `done`.
    """

    done: list[wire.BlockedUserOperation]
    failed: list[wire.FailedUser]
    effects: Sequence[Effect] = ()


class ChangeOptions(msgspec.Struct, frozen=True):
    """How to change a list, if not as the Block API does. `parameter`: the one that has the users, for errors."""

    if_listed: IfListed = IfListed.RENEW
    source: Source = Source.API
    batch_id: str | None = None
    parameter: str = "block_users"
    cause: Cause = NO_CAUSE
