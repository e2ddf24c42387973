"""Independent readers of a webhook: the messages and calls that an application would see, with user and number.

They follow Meta's documentation and use no code of wablock. A reader first makes plain objects of the JSON, by a rule
for repeated names; then it reads every place in which Meta documents an item of a user. It is generous: it ignores
`field`, as many libraries do, and reads an id of any JSON type as a text.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

Pairs = list[tuple[str, Any]]
Object = dict[str, Any]
Rule = Callable[[Pairs], Object]

SENDER: Final = ("from", "from_user_id", "from_parent_user_id")
RECIPIENT: Final = ("to", "to_user_id", "to_parent_user_id")
CONTACT: Final = ("wa_id", "user_id", "parent_user_id")
HEAD: Final = ("id", "timestamp", "type")
CHANGED: Final = ("customer", "previous_user_id", "previous_parent_user_id", "new_wa_id", *CONTACT)


class Sighting(msgspec.Struct, frozen=True):
    """Something that a user sent to the number, and every id that names the sender."""

    phone_number_id: str | None
    sender: frozenset[str]
    item: Object


def last(pairs: Pairs) -> Object:
    """The last member of a name counts, as in Python, JavaScript, PHP, Ruby and Java."""
    return dict(pairs)


def first(pairs: Pairs) -> Object:
    """The first member of a name counts, as in several C and C++ libraries that search for a name."""
    return dict(reversed(pairs))


def last_without_case(pairs: Pairs) -> Object:
    """The last member counts without case, as in readers that bind members to the fields of a type."""
    return {name.casefold(): value for name, value in pairs}


def first_without_case(pairs: Pairs) -> Object:
    return {name.casefold(): value for name, value in reversed(pairs)}


def merged(pairs: Pairs) -> Object:
    """Members of a name are merged without case, as in Go's encoding/json: null changes nothing, objects are merged."""
    result: Object = {}
    for name, value in pairs:
        folded = name.casefold()
        result[folded] = _merge(result.get(folded), value)
    return result


def camel_cased(pairs: Pairs) -> Object:
    """Names are converted first, as in libraries for which `fromUserId` and `from_user_id` are one name."""
    return {_snake(name): value for name, value in pairs}


READERS: Final[dict[str, Rule]] = {
    "last": last,
    "first": first,
    "last without case": last_without_case,
    "first without case": first_without_case,
    "merged": merged,
    "camel-cased": camel_cased,
}


def _merge(old: Any, new: Any) -> Any:
    if new is None:
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {name: _merge(old.get(name), value) for name, value in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        return [_merge(old[index] if index < len(old) else None, value) for index, value in enumerate(new)]
    return new


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def sightings(body: bytes, rule: Rule) -> list[Sighting]:
    """The items of users, as an application sees them. Raises ValueError if the body is not JSON."""
    payload = read(body, rule)
    return [
        sighting
        for entry in _objects(_member(payload, "entry"))
        for change in _objects(_member(entry, "changes"))
        for sighting in _of_value(_member(change, "value"))
    ]


def read(body: bytes, rule: Rule) -> Any:
    try:
        return json.loads(body, object_pairs_hook=rule)
    except RecursionError as error:
        raise ValueError from error


def _of_value(value: Any) -> Iterator[Sighting]:
    recipient = _text(_member(_member(value, "recipient"), "phone_number_id"))
    number = _text(_member(_member(value, "metadata"), "phone_number_id")) or recipient
    own = _text(_member(_member(value, "metadata"), "display_phone_number"))
    for holder in (value, _member(value, "standby")):
        contacts = _objects(_member(holder, "contacts"))
        alone = _ids(contacts[0], CONTACT) if len(contacts) == 1 else frozenset()
        for message in _objects(_member(holder, "messages")):
            yield from _sightings_of(number, own, message, alone)
    for call in _objects(_member(value, "calls")):
        if _member(call, "direction") != "BUSINESS_INITIATED":
            yield from _sightings_of(number, own, call, frozenset())
    for chunk in _objects(_member(value, "history")):
        for thread in _objects(_member(chunk, "threads")):
            user = _ids(thread, ("id",)) | _ids(_member(thread, "context"), CONTACT)
            for message in _objects(_member(thread, "messages")):
                yield from _sightings_of(number, own, message, user)
    if sender := _ids(_member(value, "sender"), ("phone_number", *CONTACT)):
        yield Sighting(recipient, frozenset(identifier.removeprefix("+") for identifier in sender), value)


def _sightings_of(number: str | None, own: str | None, item: Object, otherwise: frozenset[str]) -> Iterator[Sighting]:
    """An item without a sender's id belongs to the user in `otherwise`; one with a recipient, to the business."""
    if own is not None and _text(_member(item, "from")) == own:
        return
    if (sender := _ids(item, SENDER)) or (sender := _ids(_member(item, "system"), CHANGED)):
        yield Sighting(number, sender, item)
    elif (
        otherwise
        and not any(_text(_member(item, name)) for name in SENDER)
        and not _ids(item, RECIPIENT)
        and _ids(item, HEAD)
    ):
        yield Sighting(number, otherwise, item)


def _member(node: Any, name: str) -> Any:
    return node.get(name) if isinstance(node, dict) else None


def _objects(node: Any) -> list[Object]:
    return [item for item in node if isinstance(item, dict)] if isinstance(node, list) else []


def _ids(node: Any, names: tuple[str, ...]) -> frozenset[str]:
    """The ids in a node. A number in the place of a user_id is not an id."""
    ids = ((name, _text(_member(node, name))) for name in names)
    return frozenset(text for name, text in ids if text and not (name.endswith("user_id") and text.isdecimal()))


def _text(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    return None
