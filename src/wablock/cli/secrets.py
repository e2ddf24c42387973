"""Secrets on the command line: a flag's text, or a line of standard input where it is `-`."""

import sys

from wablock.cli.console import named


def typed(value: str, flag: str) -> str:
    """The secret; raises `Refused` for an empty one."""
    return named(sys.stdin.readline().strip() if value == "-" else value, flag)
