"""The shared lists that a command names by their id or by their name, and the numbers on which they are in force."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec
from cyclopts import Parameter

from wablock.cli.arguments import Refused
from wablock.cli.number_names import NamedNumber, id_with_name, is_id, near_names
from wablock.cli.options import flag, option
from wablock.client import Client, Number, SharedList
from wablock.names import name_key

ALL_NUMBERS: Final = "all numbers"

ListName = Annotated[str, Parameter(name="list", help="Name or id of the list.", allow_leading_hyphen=False)]
Numbers = Annotated[list[str] | None, option("Id or name of a business number; may be repeated.")]
AllNumbers = Annotated[bool, flag("All numbers of the account, also those that are added later.")]


class Kind(msgspec.Struct, frozen=True):
    """A kind of shared lists: its value in the API, the command for it, and what people call such a list.

    `one`: the noun with its article.
    """

    value: Literal["block", "allow"]
    command: str
    noun: str
    one: str

    def command_line(self, verb: str, *list_and_users: str, options: Sequence[str] = ()) -> str:
        """A command to type."""
        words = [*list_and_users, *options]
        if list_and_users and list_and_users[0].startswith("-"):  # without --, the name would be taken for an option
            words = [*options, "--", *list_and_users]
        return " ".join(["wablock", self.command, verb, *map(shlex.quote, words)])


BLOCK: Final = Kind("block", "blocklist", "block list", "a block list")
ALLOW: Final = Kind("allow", "allowlist", "allow list", "an allow list")
_KINDS: Final[Mapping[str, Kind]] = {kind.value: kind for kind in (BLOCK, ALLOW)}


def kind_of(shared: SharedList) -> Kind:
    return _KINDS.get(shared.kind, BLOCK)


def list_named(text: str, lists: Sequence[SharedList], kind: Kind) -> SharedList:
    """The list of this kind with this id or name. Raises `Refused`, with names that are near.

    The id comes first: another list may have it as its name, and would be changed or deleted instead.
    """
    key = name_key(text.strip())
    with_id = (it for it in lists if it.list_id == text)
    named = next(with_id, None) or next((it for it in lists if name_key(it.name) == key), None)
    if named is None:
        suggestion = near_names(text, [it.name for it in lists if it.kind == kind.value])
        raise Refused(f"No {kind.noun} has the name {text!r}{suggestion} See {kind.command_line('list')}")
    other = kind_of(named)
    if other != kind:
        raise Refused(f"{named.name} is {other.one}: use wablock {other.command}")
    return named


def numbers_named(numbers: Sequence[Number], texts: Iterable[str]) -> list[Number]:
    """The numbers with these ids or names, each once. Raises `Refused` if one of them is unknown."""
    by_id = {number.phone_number_id: number for number in numbers}
    named = [NamedNumber(it.phone_number_id, it.name) for it in numbers]
    ids = [
        text if is_id(text, "--number") else id_with_name(text, named, "Names are those of the token's numbers.")
        for text in dict.fromkeys(texts)
    ]
    unknown = next((it for it in ids if it not in by_id), None)
    if unknown is not None:
        raise Refused(f"--number {unknown} is not a number of the token's account. Its numbers: {_some(numbers)}")
    return [by_id[it] for it in dict.fromkeys(ids)]


def label(number: Number) -> str:
    """What people call the number."""
    return number.name or number.phone_number_id


def places_of(shared: SharedList, labels: Mapping[str, str]) -> list[str]:
    """Where the list is attached, for people. `labels`: what people call a number."""
    numbers = [labels.get(it, it) for it in shared.phone_number_ids]
    return [ALL_NUMBERS] if shared.attached_to_all else numbers


def labels_of(client: Client, lists: Sequence[SharedList]) -> dict[str, str]:
    """What people call the numbers to which the lists are attached."""
    if not any(it.phone_number_ids for it in lists):
        return {}
    return {it.phone_number_id: label(it) for it in client.numbers()}


def _some(numbers: Sequence[Number], most: int = 5) -> str:
    more = f" and {len(numbers) - most} more" if len(numbers) > most else ""
    return f"{', '.join(map(label, numbers[:most]))}{more}" if numbers else "none yet"
