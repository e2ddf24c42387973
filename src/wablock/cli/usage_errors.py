"""Usage errors, in one line each: the argument, its value, what is wrong, and where help is."""

import difflib
import re
from collections.abc import Iterable
from enum import Enum
from typing import Final, Literal, get_args, get_origin

from cyclopts.argument import Argument
from cyclopts.exceptions import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
    ValidationError,
)
from rich.text import Text

from wablock.printable import printable

_KINDS: Final = {int: "a whole number", float: "a number", bool: "true or false"}
_BOUNDS: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_BOUND: Final = re.compile("|".join(_BOUNDS))


def usage_error(error: CycloptsError) -> Text:
    """The error as one line for standard error."""
    help_page = " ".join(("wablock", *(error.command_chain or ()), "--help"))
    problem = _problem(error)
    return Text(printable(f"wablock: {problem}{'' if problem.endswith('?') else '.'} See {help_page}"), "red")


def _problem(error: CycloptsError) -> str:  # noqa: PLR0911 - one for each kind
    match error:
        case UnknownOptionError():
            name = (error.token.keyword or error.token.value).partition("=")[0]  # its value may be a secret
            names = (name for argument in error.argument_collection if argument.parse for name in argument.names)
            return f"Unknown option {name}{_suggestion(name, names)}"
        case UnknownCommandError():
            [name, *_] = error.unused_tokens or [""]
            return f"Unknown command {name!r}{_suggestion(name, error.app or ())}"
        case UnusedCliTokensError():
            [value, *_] = error.unused_tokens or [""]
            return f"Unexpected argument {value!r}"
        case RepeatArgumentError():
            return f"{error.token.keyword} must not be repeated"
        case MissingArgumentError(argument=Argument() as argument):
            return f"{error.keyword} needs a value" if error.keyword else _missing(argument)
        case CoercionError(argument=Argument() as argument) if error.token is not None and error.msg is None:
            return f"{_name(argument)} {error.token.value!r} must be {_kind(error.target_type)}"
        case ValidationError(argument=Argument() as argument):
            bound = _BOUND.sub(lambda sign: _BOUNDS[sign[0]], error.exception_message)
            return f"{_name(argument)}{_shown(argument.value)} {bound[:1].lower()}{bound[1:].rstrip('.')}"
        case _:
            error.verbose = False
            return str(error).rstrip(".")


def _name(argument: Argument) -> str:
    """The name that the user wrote: of the option or of its environment variable."""
    typed = next((token.keyword for token in argument.tokens if token.keyword), None)
    return typed or (argument.name.lstrip("-").upper() if argument.field_info.is_positional else argument.name)


def _shown(value: object) -> str:
    if isinstance(value, int | float):
        return f" {value}"
    return f" {str(value)!r}" if str(value).strip() else ""


def _missing(argument: Argument) -> str:
    variables = "".join(f" or {variable}" for variable in argument.parameter.env_var or ())
    return f"Missing {_name(argument)}{variables}"


def _kind(wanted: object) -> str:
    if get_origin(wanted) is Literal:
        return f"one of {', '.join(map(str, get_args(wanted)))}"
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return f"one of {', '.join(str(it.value) for it in wanted)}"
    return _KINDS.get(wanted, "another value") if isinstance(wanted, type) else "another value"


def _suggestion(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {close[0]}?" if close else ""
