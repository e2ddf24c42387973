"""Secrets on the command line: a flag's text, or a line of standard input where it is `-`."""

import sys

from wablock.cli.console import Refused, named
from wablock.public_credentials import is_public


def typed(value: str, flag: str) -> str:
    """The secret; raises `Refused` for an empty one."""
    return named(sys.stdin.readline().strip() if value == "-" else value, flag)


def checked_secret(secret: str, flag: str) -> str:
    """`secret`, which not everybody knows; raises `Refused` for the credentials of `wablock dev`."""
    if is_public(secret):
        raise Refused(f"{flag} is wablock dev's own, which everybody can read in its source: choose another")
    return secret
