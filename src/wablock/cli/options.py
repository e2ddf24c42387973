"""Options of commands, each with its environment variable."""

from typing import Annotated, Any

from cyclopts import Parameter


def option(variable: str, help_text: str, **more: Any) -> Parameter:
    """An option that may also be the variable `WABLOCK_…`."""
    return Parameter(env_var=f"WABLOCK_{variable}", help=help_text, **more)


def flag(variable: str, help_text: str, **more: Any) -> Parameter:
    """An option that is on or off, without a `--no-…`."""
    return option(variable, help_text, negative="", **more)


Json = Annotated[bool, flag("JSON", "Print JSON, for programs.")]
Yes = Annotated[bool, flag("YES", "Do not ask for confirmation.")]
PhoneNumberId = Annotated[str, Parameter(help="Id of the business number.")]
