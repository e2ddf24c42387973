"""Mutations of JSON: they drop, repeat, rename, retype, nest, reorder and cut members at any depth.

Input and output are text. In between an object is a list of its members, so that a name can be in it twice. The same
random numbers make the same mutations.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

Place = tuple[list[Any], int]

FIELDS: Final = ("messages", "standby", "calls", "history", "statuses", "smb_message_echoes", "Messages", "unknown")
BLANKS: Final = ("", "", " ", "\n", "\t", "\r\n  ")

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


class Member(list[Any]):
    """A name and a value: `[name, value]`."""


class Members(list[Any]):
    """An object: its members, in their order."""


def mutated(body: bytes, random: Random) -> tuple[bytes, list[str]]:
    """The body after one to three mutations, and their names."""
    tree = [json.loads(body, object_pairs_hook=lambda pairs: Members(Member(pair) for pair in pairs))]
    mutations = random.choices(_MUTATIONS, _WEIGHTS, k=random.choice((1, 1, 2, 3)))
    for mutation in mutations:
        mutation(tree, random)
    text = _text(tree[0])
    names = [mutation.__name__ for mutation in mutations]
    for layout in (with_escapes, with_blanks):
        if random.random() < 0.1:
            text = layout(text, random)
            names.append(layout.__name__)
    return text.encode("utf-8", "surrogatepass"), names


def _text(node: Any) -> str:
    if isinstance(node, Members):
        return "{" + ",".join(f"{json.dumps(name)}:{_text(value)}" for name, value in node) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(_text, node)) + "]"
    return json.dumps(node)


def _values(node: list[Any]) -> Iterator[Place]:
    """The place of every value: in a member or in an array, at any depth, or the root."""
    for index, item in enumerate(node):
        place = (item, 1) if isinstance(item, Member) else (node, index)
        yield place
        value = place[0][place[1]]
        if isinstance(value, list):
            yield from _values(value)


def _items(tree: list[Any]) -> list[Place]:
    """The place of every member or element, which can be dropped, repeated or moved."""
    nodes = [tree, *(node for node, _ in _nested(tree))]
    return [(node, index) for node in nodes[1:] for index in range(len(node))]


def _nested(tree: list[Any]) -> list[tuple[list[Any], Place]]:
    return [(holder[index], (holder, index)) for holder, index in _values(tree) if isinstance(holder[index], list)]


def _choose(places: list[Any], random: Random) -> Any:
    return random.choice(places) if places else None


def drop(tree: list[Any], random: Random) -> None:
    if place := _choose(_items(tree), random):
        node, index = place
        del node[index]


def repeat(tree: list[Any], random: Random) -> None:
    """Repeat a member or element before or after itself, with its value, another's value or a wrong one."""
    if not (place := _choose(_items(tree), random)):
        return
    node, index = place
    again = copy.deepcopy(node[index])
    if isinstance(again, Member):
        again[1] = _another_value(tree, again, random)
    node.insert(random.choice((index, index + 1, random.randrange(len(node) + 1))), again)


def _another_value(tree: list[Any], member: Member, random: Random) -> Any:
    namesakes = [node[index] for node, index in _items(tree) if isinstance(node[index], Member)]
    namesakes = [other for other in namesakes if other[0] == member[0]]
    choice = random.random()
    if choice < 0.3:
        return copy.deepcopy(member[1])
    if choice < 0.7:
        return copy.deepcopy(random.choice(namesakes)[1])
    return _wrong(member[1], random)


def _wrong(value: Any, random: Random) -> Any:
    """The value converted to another type, or a value of another type."""
    text = value if isinstance(value, str) else "7"
    digits = text if text.isdecimal() else "7"
    choices: list[Any] = [None, True, False, 0, int(digits), float(digits), digits, "", "x", [], Members()]
    choices += [[copy.deepcopy(value)], Members([Member(["x", copy.deepcopy(value)])]), _text(value)]
    if isinstance(value, str):
        choices += [f"+{value}", f" {value}", value.swapcase(), f"{value}@s.whatsapp.net"]
    return random.choice(choices)


def rename_case(tree: list[Any], random: Random) -> None:
    """Change the case as a case-insensitive reader may accept it, also to the long s, and the Kelvin sign for k."""
    if member := _a_member(tree, random):
        member[0] = _recased(member[0], random)


def repeat_in_another_case(tree: list[Any], random: Random) -> None:
    places = [place for place in _items(tree) if isinstance(place[0][place[1]], Member)]
    if place := _choose(places, random):
        node, index = place
        again = copy.deepcopy(node[index])
        again[0] = _recased(again[0], random)
        again[1] = _another_value(tree, node[index], random)
        node.insert(random.randrange(len(node) + 1), again)


def _recased(name: str, random: Random) -> str:
    at = random.randrange(len(name) or 1)
    choices = [name.upper(), name.title(), name.capitalize(), name[:at] + name[at : at + 1].swapcase() + name[at + 1 :]]
    choices += [name.replace("s", "\N{LATIN SMALL LETTER LONG S}", 1), name.replace("k", "\N{KELVIN SIGN}", 1)]
    head, *tail = name.split("_")
    choices.append(head + "".join(word.capitalize() for word in tail))
    return random.choice([choice for choice in choices if choice != name] or [name.upper()])


def _a_member(tree: list[Any], random: Random) -> Member | None:
    members = [node[index] for node, index in _items(tree) if isinstance(node[index], Member)]
    chosen: Member | None = _choose(members, random)
    return chosen


def rename(tree: list[Any], random: Random) -> None:
    """Use the name of another member of the payload."""
    if (member := _a_member(tree, random)) and (other := _a_member(tree, random)):
        member[0] = other[0]


def exchange(tree: list[Any], random: Random) -> None:
    """Use the value of another member of the payload."""
    if (member := _a_member(tree, random)) and (other := _a_member(tree, random)):
        member[1] = copy.deepcopy(other[1])


def retype(tree: list[Any], random: Random) -> None:
    holder, index = random.choice(list(_values(tree)))
    holder[index] = _wrong(holder[index], random)


def nest(tree: list[Any], random: Random) -> None:
    holder, index = random.choice(list(_values(tree)))
    value = holder[index]
    name = random.choice(("value", "standby", "x", "messages", "0"))
    holder[index] = random.choice(([value], Members([Member([name, value])])))


def unnest(tree: list[Any], random: Random) -> None:
    """Replace an object or array by a value in it."""
    if place := _choose([place for place in _nested(tree) if place[0]], random):
        node, (holder, index) = place
        item = random.choice(node)
        holder[index] = item[1] if isinstance(item, Member) else item


def merge_into_parent(tree: list[Any], random: Random) -> None:
    """Replace an object by its members in its parent."""
    places = [(node, index) for node, index in _items(tree) if isinstance(node[index], Member)]
    places = [(node, index) for node, index in places if isinstance(node[index][1], Members)]
    if place := _choose(places, random):
        node, index = place
        node[index : index + 1] = node[index][1]


def move(tree: list[Any], random: Random) -> None:
    """Move a member to another object, or an element to another array."""
    if not (place := _choose(_items(tree), random)):
        return
    node, index = place
    item = node.pop(index)
    kind = Members if isinstance(item, Member) else list
    targets = [other for other, _ in _nested(tree) if type(other) is kind]
    (_choose(targets, random) if targets else node).append(item)


def reorder(tree: list[Any], random: Random) -> None:
    if place := _choose(_nested(tree), random):
        random.shuffle(place[0])


def truncate(tree: list[Any], random: Random) -> None:
    """Cut the end of an array, an object or a text."""
    holder, index = random.choice(list(_values(tree)))
    value = holder[index]
    if isinstance(value, list):
        del value[random.randrange(len(value) + 1) :]
    elif isinstance(value, str):
        holder[index] = value[: random.randrange(len(value) + 1)]


def rename_field(tree: list[Any], random: Random) -> None:
    members = [node[index] for node, index in _items(tree) if isinstance(node[index], Member)]
    if member := _choose([member for member in members if member[0] == "field"], random):
        member[1] = random.choice(FIELDS)


def with_blanks(text: str, random: Random) -> str:
    return "".join(random.choice(BLANKS) + token + random.choice(BLANKS) for token in _TOKEN.findall(text))


def with_escapes(text: str, random: Random) -> str:
    """Write letters of names, and of some values, as \\uXXXX."""
    return "".join(_escaped(token, random) if token[0] == '"' else token for token in _TOKEN.findall(text))


def _escaped(token: str, random: Random) -> str:
    if "\\" in token or len(token) < 3 or random.random() < 0.5:
        return token
    at = random.randrange(1, len(token) - 1)
    return f"{token[:at]}\\u{ord(token[at]):04x}{token[at + 1 :]}"


_MUTATIONS: Final[list[Callable[[list[Any], Random], None]]] = [
    drop,
    repeat,
    rename_case,
    repeat_in_another_case,
    rename,
    exchange,
    retype,
    nest,
    unnest,
    merge_into_parent,
    move,
    reorder,
    truncate,
    rename_field,
]
_WEIGHTS: Final = [8, 16, 10, 14, 4, 4, 12, 5, 5, 4, 6, 4, 4, 4]
