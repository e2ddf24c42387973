"""Secrets on the command line: the value of a flag, or, for `-`, a line of standard input."""

import sys

from wablock.cli.console import Refused, not_blank
from wablock.public_credentials import is_public


def secret_in(value: str, flag: str) -> str:
    """The secret; raises `Refused` if it is empty."""
    return not_blank(sys.stdin.readline().strip() if value == "-" else value, flag)


def checked_secret(secret: str, flag: str) -> str:
    """Return `secret` if it is not public; raises `Refused` for the credentials of `wablock dev`."""
    if is_public(secret):
        raise Refused(f"{flag} is the public default of wablock dev: choose another")
    return secret
