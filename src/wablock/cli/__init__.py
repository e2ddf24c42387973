"""The `wablock` command. Each command is imported when it is asked for: some need the server, which is an extra."""

import sys
from collections.abc import Sequence
from typing import Final

from cyclopts import App

from wablock import __version__
from wablock.cli.console import Refused, complain, print_traceback

app = App(
    name="wablock",
    version=__version__,
    help="The WhatsApp Block API that you run yourself. Not Meta's, and not affiliated with Meta.",
)
_COMMANDS: Final = {
    "dev": (
        "dev:dev",
        """Start a server that is ready for use: it makes the account, the number and the token, and prints them.

        Not for production: its token is known to all who read this, and without --data it keeps nothing.""",
    ),
    "serve": (
        "serve:serve",
        "Start a production server on a database. Add numbers and tokens with `wablock number` and `wablock token`.",
    ),
    "block": (
        "block_list:block",
        "Block users. Status 0 where all are blocked, 1 where some failed, 2 where not all could be asked.",
    ),
    "unblock": (
        "block_list:unblock",
        "Unblock users. Status 0 where all are unblocked, 1 where some failed, 2 where not all could be asked.",
    ),
    "check": (
        "block_list:check",
        "Tell whether users are blocked. Status 0 where all are, 1 where not all are, 2 in trouble.",
    ),
    "list": ("block_list:list_", "List the blocked users of a number, newest block first."),
    "conformance": (
        "conformance:conformance",
        "Check a server, of whoever's, against the contract. Status 0 where it holds, 1 where not, 2 in trouble.",
    ),
    "number": ("numbers:app", "Add, list and remove business numbers."),
    "token": ("tokens:app", "Create, list and revoke access tokens."),
    "account": ("accounts:app", "Set an account's app secret and verify token."),
    "downstream": ("downstreams:app", "Add, list and remove the receivers of a number's webhooks."),
    "drops": (
        "drops:drops",
        "Show what the gate took out of the number's webhooks lately: the last 100, since the server's start.",
    ),
    "backup": (
        "backups:backup",
        "Back up a database on SQLite, while servers run on it: to one file, checked, and durable at the end.",
    ),
    "restore": (
        "backups:restore",
        "Go back to a backup, while servers run on the database: they see what it holds from then on.",
    ),
    "migrate": (
        "migrate:migrate",
        """Move everything from SQLite to PostgreSQL, and compare both. The old server goes on reading.

        It takes no changes from the beginning on, so that none is lost. Broken off, the same command goes on where it
        was. Status 0 where both sides are equal, 1 where not.""",
    ),
    "upstream": ("upstreams:app", "Set, show and remove the API that a number's messages are sent through."),
}
for _name, (_place, _help) in _COMMANDS.items():
    app.command(f"wablock.cli.{_place}", name=_name, help=_help)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, or `arguments`; what the user can mend is one line on standard error and exit status 2."""
    sys.excepthook = print_traceback
    try:
        app(arguments)
    except Exception as trouble:
        said = _mendable(trouble)
        if said is None:
            raise
        complain(said)
        sys.exit(2)


def _mendable(trouble: Exception) -> str | None:
    """What to tell a user who can mend it; None where it is a fault of ours."""
    if isinstance(trouble, Refused):
        return str(trouble)
    try:
        from wablock.cli.databases import REFUSALS  # noqa: PLC0415 - needs the server, which is an extra
    except ModuleNotFoundError as missing:
        is_extra = isinstance(trouble, ImportError) and not str(missing.name).startswith("wablock")
        return "this command needs the server: pip install 'wablock[server]'" if is_extra else None
    return str(trouble) if isinstance(trouble, REFUSALS) else None
