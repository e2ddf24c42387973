"""The numbers that a command names by their id or by their name.

This module must not import the server, which may not be installed.
"""

import difflib
from collections.abc import Iterable
from typing import Final

import msgspec

from wablock.access import Directory, is_number_id
from wablock.cli.arguments import Refused
from wablock.names import BadName, checked_name, name_key

_MOST_NEAR: Final = 3


class NamedNumber(msgspec.Struct, frozen=True):
    """A number that a command may name. `place` tells it from another number with the same name."""

    phone_number_id: str
    name: str | None
    place: str = ""


def is_id(text: str, argument: str = "PHONE-NUMBER-ID") -> bool:
    """Whether `text` is an id, and not a name. Raises `Refused`, which begins with the argument's name, for neither."""
    if text and is_number_id(text):
        return True
    try:
        checked_name(text)
    except BadName:
        raise Refused(
            f"{argument} {text!r} is neither a phone number id (digits, such as 106540352242922) nor a number's name"
        ) from None
    return False


async def number_id_of(
    store: Directory, text: str, argument: str = "PHONE-NUMBER-ID", *, account: str | None = None
) -> str:
    """The id of the number with this id or name, in any account or in this one. An id may be of no number.

    Raises `Refused` if no number or several numbers have the name.
    """
    if is_id(text, argument):
        return text
    numbers = await store.numbers(account)
    named = [NamedNumber(it.phone_number_id, it.name, f"account {it.account_id}") for it in numbers]
    return id_with_name(text, named, "See wablock number list")


def id_with_name(text: str, numbers: Iterable[NamedNumber], where_to_look: str) -> str:
    """The id of the number with this name. Raises `Refused`, with names that are near."""
    numbers = [number for number in numbers if number.name is not None]
    key = name_key(checked_name(text))
    matching = [number for number in numbers if name_key(number.name or "") == key]
    if len(matching) == 1:
        return matching[0].phone_number_id
    if matching:
        choices = " or ".join(f"{it.phone_number_id} ({it.place})" for it in matching)
        raise Refused(f"{len(matching)} numbers have the name {text!r}: use an id, {choices}")
    suggestion = near_names(text, [number.name or "" for number in numbers])
    raise Refused(f"No number has the name {text!r}{suggestion} {where_to_look}")


def near_names(text: str, names: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the names that are near, if there are some."""
    by_key = {name_key(name): name for name in names}
    near = [by_key[it] for it in difflib.get_close_matches(name_key(text), by_key, _MOST_NEAR)]
    return f"; did you mean {' or '.join(near)}?" if near else "."
