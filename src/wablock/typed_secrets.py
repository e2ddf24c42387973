"""Command line options for secrets, with a warning: other users of the machine can read a command line."""

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


class FromVariable(str):
    """The value of an option that an environment variable has set."""

    __slots__ = ()


def secret(variable: str, help_text: str, *, otherwise: str | None = None, group: Group | None = None) -> Parameter:
    """An option for a secret. On a command line it works, but prints a warning that names the variable to use."""
    instead = f"{variable} or {otherwise}" if otherwise else variable
    option = may_be_hyphen(Parameter(env_var=variable, help=help_text, converter=partial(_one, instead, _is_secret)))
    return option if group is None else Parameter.combine(option, Parameter(group=group))


def secret_lines(variable: str, help_text: str) -> Parameter:
    """The same for an option that may be repeated. The variable has one secret on each line."""
    return Parameter(
        env_var=variable,
        env_var_split=_by_lines,
        help=help_text,
        converter=partial(_several, variable, _is_secret),
        negative="",
    )


def database_url(variable: str, help_text: str) -> Parameter:
    """An option for a database URL, which is a secret if it contains a password."""
    instead = f"{variable}, PGPASSWORD or a passfile"
    return Parameter(
        env_var=variable,
        help=help_text,
        converter=partial(_one, instead, _has_password),
        validator=_refuse_empty,
    )


def may_be_hyphen(option: Parameter) -> Parameter:
    """The option, whose value may be `-` for standard input, after a blank too. Another option is no value."""
    return Parameter.combine(option, Parameter(allow_leading_hyphen=True, validator=_refuse_option))


def _refuse_option(_: Any, value: Any) -> None:
    if str(value).startswith("--"):
        raise ValueError("is an option, and not a value")


def _refuse_empty(_: Any, value: Any) -> None:
    if not (value is None or isinstance(value, FromVariable) or str(value).strip()):  # an empty variable is none
        raise ValueError("must not be empty")


def _by_lines(_: Any, lines: str, **__: Any) -> list[str]:
    return lines.splitlines()


def _one(instead: str, is_secret: Callable[[str], bool], _: Any, tokens: Sequence[Token]) -> str:
    value = _several(instead, is_secret, _, tokens)[-1]
    return FromVariable(value) if tokens[-1].source == "env" else value


def _several(instead: str, is_secret: Callable[[str], bool], _: Any, tokens: Sequence[Token]) -> list[str]:
    options = [token.keyword for token in tokens if token.source == "cli" and is_secret(token.value)]
    if options:  # on stderr, because only servers have a log
        option = printable(str(options[0]))
        sys.stderr.write(f"wablock: {option} is visible to other users of this machine; use {instead}\n")
    return [token.value for token in tokens]


def _is_secret(value: str) -> bool:
    return value != _STANDARD_INPUT and not is_public(value)


def _has_password(value: str) -> bool:
    return _URL_PASSWORD.search(value) is not None
