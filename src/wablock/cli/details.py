"""The details of users on a list, as options of the commands that add users."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Final

from wablock.cli.options import option

KEPT: Final = "Users who were already {} keep their reason, note and end. --replace gives them these."

Reason = Annotated[str | None, option("Reason, up to 200 characters. Only for wablock, not for Meta.")]
Note = Annotated[str | None, option("Note, up to 2,000 characters. Only for wablock, not for Meta.")]
Batch = Annotated[
    str | None,
    option("Name of the batch, stored with each new user. Default: a new name, if the users are from a file or input."),
]


def new_batch() -> str:
    """A name that no other run has, and that shows the time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
