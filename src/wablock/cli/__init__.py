"""The `wablock` command. Each subcommand is imported when it runs: some need the server, which is an extra."""

import os
import re
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

from cyclopts import App

from wablock import __version__
from wablock.cli.arguments import Refused
from wablock.cli.endings import status_of
from wablock.cli.help_pages import HelpPages
from wablock.cli.output import Output, accept_every_character
from wablock.cli.usage_errors import usage_error

_SURROGATE: Final = re.compile("[\udc80-\udcff]")

app = App(
    name="wablock",
    version=__version__,
    help="The WhatsApp Block API that you run yourself. Not Meta's, and not affiliated with Meta.",
    console=Output(),
    error_console=Output(stderr=True, soft_wrap=True),
    error_formatter=usage_error,
    help_formatter=HelpPages(),
    suppress_keyboard_interrupt=False,
)
_COMMANDS: Final = {
    "dev": (
        "dev:dev",
        """Start a server for development: it creates an account, a number and a token, and prints them.

        Not for production: the default token is public, and without --data all lists are deleted at the end.""",
    ),
    "serve": (
        "serve:serve",
        "Start a production server on a database. Add numbers and tokens with `wablock number` and `wablock token`.",
    ),
    "block": (
        "block_list:block",
        """Block users. Users who are already blocked stay as they are.

        Exit status 0: all are blocked; 1: some failed; 2: the command could not finish.""",
    ),
    "unblock": (
        "block_list:unblock",
        """Unblock users: remove them from the number's own list. Says if a shared list still blocks them.

        Exit status 0: all are unblocked; 1: some failed or are still blocked; 2: the command could not finish.""",
    ),
    "edit": ("members:edit", "Change the reason, note or end of a blocked user. What is not named stays as it is."),
    "check": (
        "block_list:check",
        "Show whether users are blocked. Exit status 0: all are blocked; 1: not all; 2: the command could not finish.",
    ),
    "list": ("block_list:list_", "List the blocked users of a number, newest block first."),
    "blocklist": (
        "shared_lists:block_lists",
        "Shared block lists: one list of users who are blocked on several numbers, or on all numbers of the account.",
    ),
    "allowlist": (
        "shared_lists:allow_lists",
        "Allow lists: users that no list blocks, on several numbers, or on all numbers of the account.",
    ),
    "events": (
        "events:events",
        "Show what was done to the lists of the account, who did it and why: blocks, unblocks, edits, newest first.",
    ),
    "undo": (
        "undo:undo",
        """Undo an event, or a whole batch: each user gets the block that the user had before it, or none.

        Shows first what would be done, and asks. Users whose block was changed since are left alone and named. It may
        be repeated, also after an interruption. Exit status 0: undone; 1: some users were left alone or some events
        cannot be undone; 2: the command could not finish.""",
    ),
    "audit": ("audit:app", "Verify that the recorded events are as they were written."),
    "user": ("user_lists:app", "Show on which lists a user is, and on which numbers they are in force."),
    "conformance": (
        "conformance:conformance",
        "Check any server of the Block API against the contract. Exit status 0: passed; 1: failed; 2: could not run.",
    ),
    "number": ("numbers:app", "Add, list, change and remove business numbers."),
    "token": ("tokens:app", "Create, list and revoke access tokens."),
    "account": ("accounts:app", "Set an account's app secret and verify token."),
    "business-account": (
        "business_accounts:app",
        "Set, list and remove the WhatsApp Business Accounts of an account, with their own secrets.",
    ),
    "downstream": ("downstreams:app", "Add, list and remove the receivers of a number's webhooks."),
    "subscription": ("subscriptions:app", "Add, list and remove the receivers of an account's list events."),
    "drops": (
        "drops:drops",
        "Show what the gate removed from the number's webhooks: the last 100 items since the server started.",
    ),
    "backup": (
        "backups:backup",
        "Back up a SQLite database to one file, also while servers use it. The backup is checked and durable.",
    ),
    "restore": ("backups:restore", "Restore a backup of a SQLite database, also while servers use the database."),
    "migrate": (
        "migrate:migrate",
        """Move all data from SQLite to PostgreSQL, and compare both. The old server still answers reads.

        The old server refuses changes from the start of the move, so that none is lost. If the move is interrupted, run
        the same command again to continue. Exit status 0: both databases are equal; 1: they differ.""",
    ),
    "completion": (
        "completion:completion",
        """Print a script that completes commands and options in your shell.

        In bash, add this line to ~/.bashrc:

        `eval "$(wablock completion bash)"`""",
    ),
    "upstream": ("upstreams:app", "Set, show and remove the API through which a number's messages are sent."),
}
for _name, (_place, _help) in _COMMANDS.items():
    app.command(f"wablock.cli.{_place}", name=_name, help=_help)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, or `arguments`, and exit."""
    accept_every_character()
    sys.exit(status_of(partial(_run, sys.argv[1:] if arguments is None else arguments)))


def _run(arguments: Sequence[str]) -> None:
    for place, argument in enumerate(arguments, start=1):
        _check_bytes(argument, place)
    app(arguments)


def _check_bytes(argument: str, place: int) -> None:
    """Raises `Refused` for bytes that are not UTF-8, which Python reads as lone surrogates. A file may have them."""
    if not argument.isascii() and _SURROGATE.search(argument) and not os.path.lexists(argument.rpartition("=")[2]):
        raise Refused(f"Argument {place} has bytes that are not UTF-8")
