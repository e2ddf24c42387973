"""Secrets as options: what a command line shows to every user of the machine, and where else it may come from."""

import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from cyclopts import Group, Parameter, Token

from wablock.printable import printable
from wablock.public_credentials import is_public

_STANDARD_INPUT: Final = "-"
_URL_PASSWORD = re.compile(r"[a-z+]+://[^/@]*:[^/@]+@|[?&]password=[^&]", re.IGNORECASE)


def secret(variable: str, help_text: str, *, otherwise: str | None = None, group: Group | None = None) -> Parameter:
    """An option that is a secret. Typed on a command line it works, with a warning that names the variable."""
    instead = f"{variable} or {otherwise}" if otherwise else variable
    option = Parameter(env_var=variable, help=help_text, converter=partial(_one, instead, _is_secret))
    return option if group is None else Parameter.combine(option, Parameter(group=group))


def secret_lines(variable: str, help_text: str) -> Parameter:
    """The same of an option that may be repeated; the variable has one a line."""
    return Parameter(
        env_var=variable, env_var_split=_by_lines, help=help_text, converter=partial(_several, variable, _is_secret)
    )


def database_url(variable: str, help_text: str) -> Parameter:
    """An option that is a secret where a password is in it."""
    instead = f"{variable}, PGPASSWORD or a passfile"
    return Parameter(env_var=variable, help=help_text, converter=partial(_one, instead, _has_password))


def _by_lines(_: Any, lines: str, **__: Any) -> list[str]:
    return lines.splitlines()


def _one(instead: str, is_secret: Callable[[str], bool], _: Any, tokens: Sequence[Token]) -> str:
    return _several(instead, is_secret, _, tokens)[-1]


def _several(instead: str, is_secret: Callable[[str], bool], _: Any, tokens: Sequence[Token]) -> list[str]:
    seen = [token.keyword for token in tokens if token.source == "cli" and is_secret(token.value)]
    if seen:  # not through the log, which only servers have
        sys.stderr.write(f"wablock: {printable(str(seen[0]))} is seen by other users of this machine; use {instead}\n")
    return [token.value for token in tokens]


def _is_secret(value: str) -> bool:
    return value != _STANDARD_INPUT and not is_public(value)


def _has_password(value: str) -> bool:
    return _URL_PASSWORD.search(value) is not None
