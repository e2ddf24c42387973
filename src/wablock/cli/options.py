"""Options of commands.

A setting may also be an environment variable: where the server and the database are, and secrets. What one command does
has no variable: one that was set for another command would block, delete or confirm unasked.
"""

from typing import Annotated, Any, Final

from cyclopts import Parameter

DEFAULT_ACCOUNT: Final = "default"
"""The account of numbers and tokens for which no other is named."""


def setting(variable: str, help_text: str, **more: Any) -> Parameter:
    """An option that may also be the variable `WABLOCK_…`, with one meaning in all commands."""
    return Parameter(env_var=f"WABLOCK_{variable}", help=help_text, **more)


def option(help_text: str, **more: Any) -> Parameter:
    """An option of one command, without an `--empty-…`: an empty list is a mistake."""
    return Parameter(help=help_text, negative="", **more)


def flag(help_text: str, **more: Any) -> Parameter:
    """An option of one command that is on or off, without a `--no-…`."""
    return option(help_text, **more)


Json = Annotated[bool, setting("JSON", "Print JSON, for programs.", negative="")]
Yes = Annotated[bool, flag("Do not ask for confirmation.")]
PhoneNumberId = Annotated[str, Parameter(help="Id or name of the business number.")]
