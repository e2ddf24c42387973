"""The details of users on a list, as options of the commands that add users."""

import secrets
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from wablock.cli.options import option
from wablock.client import Client, UserDone

KEPT: Final = "Users who were already {} keep their reason, note and end. --replace gives them these."

Reason = Annotated[str | None, option("Reason, up to 200 characters. Only for wablock, not for Meta.")]
Note = Annotated[str | None, option("Note, up to 2,000 characters. Only for wablock, not for Meta.")]
Batch = Annotated[
    str | None,
    option("Name of the batch, stored with each new user. Default: a new name, if the users are from a file or input."),
]


@dataclass(frozen=True)
class Details:
    """What the users get that a command adds. `replace`: also those who are on the list already."""

    reason: str | None
    note: str | None
    expires_at: int | None
    batch: str | None
    _: KW_ONLY
    replace: bool

    @property
    def are_kept(self) -> bool:
        """Whether users who are on the list already keep other details."""
        return not self.replace and (self.reason, self.note, self.expires_at) != (None, None, None)

    def add(self, client: Client, users: Sequence[str], list_id: str | None = None) -> list[UserDone]:
        """Add `users` to a list, by default to the number's own."""
        return client.add_members(
            users,
            reason=self.reason,
            note=self.note,
            expires_at=self.expires_at,
            source="cli",
            batch_id=self.batch,
            if_listed="replace" if self.replace else "keep",
            list_id=list_id,
        )


def new_batch() -> str:
    """A name that no other run has, and that shows the time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
