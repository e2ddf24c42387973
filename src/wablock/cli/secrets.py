"""Secrets on the command line: the value of a flag, or, for `-`, a line of standard input."""

import getpass
from collections.abc import Iterator, Mapping
from typing import Final

from wablock.cli.arguments import Refused, not_blank
from wablock.cli.text_input import STANDARD_INPUT, is_at_terminal, lines_of, read_text
from wablock.public_credentials import is_public

_FROM_STANDARD_INPUT: Final = "-"


def secret_in(value: str, flag: str) -> str:
    """The secret; raises `Refused` if it is empty."""
    return secrets_in({flag: value})[flag]


def secrets_in(values: Mapping[str, str]) -> dict[str, str]:
    """The secret for each flag. Standard input has one on each line, in this order; raises `Refused` otherwise."""
    typed = _typed([flag for flag, value in values.items() if value == _FROM_STANDARD_INPUT])
    secrets = {flag: next(typed, "") if value == _FROM_STANDARD_INPUT else value for flag, value in values.items()}
    return {flag: not_blank(secret, flag) for flag, secret in secrets.items()}


def checked_secret(secret: str, flag: str) -> str:
    """Return `secret` if it is not public; raises `Refused` for the credentials of `wablock dev`."""
    if is_public(secret):
        raise Refused(f"{flag} is the public default of wablock dev: choose another")
    return secret


def _typed_at_terminal(flag: str) -> str:
    try:
        secret = getpass.getpass(f"{flag}: ").strip()
        secret.encode()
    except EOFError:
        raise Refused(f"{flag} is missing: the input ended") from None
    except UnicodeError:
        raise Refused(f"{flag} has bytes that are not in the encoding of the terminal") from None
    return secret


def _typed(flags: list[str]) -> Iterator[str]:
    if not flags:
        return iter(())
    if is_at_terminal():
        return iter([_typed_at_terminal(flag) for flag in flags])
    lines = [line.strip() for line in lines_of(read_text(STANDARD_INPUT)) if line.strip()]
    if len(lines) > len(flags):
        raise Refused(f"Standard input has {len(lines)} lines: write one for {' and one for '.join(flags)}")
    return iter(lines)
