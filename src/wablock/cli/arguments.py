"""Checks of arguments, and questions to the person at the terminal, shared by all commands.

This module must not import the server, which may not be installed.
"""

import sys

from rich.prompt import Confirm
from rich.text import Text

from wablock.access import is_number_id
from wablock.cli.output import Output
from wablock.printable import printable
from wablock.public_address import BadAddress, checked_url


class Refused(Exception):
    """The command cannot run with these arguments. The message says what to do, in one line."""


def checked_number_id(text: str, name: str = "PHONE-NUMBER-ID") -> str:
    """Return `text` if it can be a phone number id; raises `Refused`, which begins with the argument's name, if not."""
    if not is_number_id(text):
        raise Refused(f"{name} {text!r} is not a phone number id: use digits only, such as 106540352242922")
    return text


def checked_url_text(url: str, name: str) -> str:
    """Return `url` if it is a valid address for requests; raises `Refused`, which begins with its name, if not."""
    try:
        checked_url(url)
    except BadAddress as error:
        shown = "" if "@" in url else f" {url!r}"  # it may have a password
        raise Refused(f"{name}{shown} cannot be used: {error}") from None
    return url


def not_blank(text: str, flag: str) -> str:
    """Return `text` if it is not blank; raises `Refused` if it is."""
    if not text.strip():
        raise Refused(f"{flag} must not be empty")
    return text


def is_confirmed(question: str) -> bool:
    """Whether a person at the terminal agrees; False without a terminal, or if there is no readable answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        return Confirm.ask(Text(printable(question)), console=Output(stderr=True))
    except (EOFError, UnicodeDecodeError):  # Ctrl-D, or bytes of another encoding
        return False
