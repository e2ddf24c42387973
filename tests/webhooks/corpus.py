"""Every webhook that Meta documents, and the rest of it that must remain when one of its users is blocked.

The cases are in JSON files next to this module, one file per field. Each lists its users with every id in its payload,
and its parts: items that a user sent, contacts of a user, and parts that are only about a user. The oracle works on
plain objects and these parts, and uses no code of wablock.
"""

import copy
import functools
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

Json = dict[str, Any]
User = dict[str, str]

FOLDER: Final = Path(__file__).parent
BUSINESS: Final = "16505550100"
SECOND_SPELLING: Final = "second_spelling"
PARENTS: Final = ("parent_user_id", "previous_parent_user_id")

_GONE: Final = object()
_ALWAYS_THERE: Final = {"messaging_product", "metadata"}
_US_NUMBER: Final = re.compile(r"165055501\d\d")
_BRAZILIAN_NUMBER: Final = re.compile(r"5511(9?)[67]\d{7}")
_AREA_CODES: Final = [code for code in range(201, 1000) if code != 650]
_MESSAGE_ID: Final = re.compile(r"\b(wamid|wacid)\.")
_counter = itertools.count(1)


class Part(msgspec.Struct, frozen=True):
    """A place of a payload: `sent` by a user, a `contact` of a user, or only `about` one."""

    path: str
    user: int
    kind: str

    @property
    def steps(self) -> list[str]:
        return self.path.split("/")

    @property
    def change(self) -> list[str]:
        """The steps to the change that the part belongs to: entry/N/changes/N."""
        return self.steps[:4]


class Case(msgspec.Struct, frozen=True):
    """`linked` is false where the payload shows ids of one user which nothing in it joins; `strangers` are ids in the
    payload that are not the user's.
    """

    name: str
    source: str
    written: str
    users: list[User]
    parts: list[Part]
    payload: Json
    linked: bool = True
    strangers: list[str] = []

    def body(self) -> bytes:
        return write(self.payload, self.written)

    def part_bytes(self, part: Part) -> bytes:
        return write(_at(self.payload, part.steps), self.written)

    def contains(self, part: Part, identifier: str) -> bool:
        return f'"{identifier}"' in json.dumps(_at(self.payload, part.steps), ensure_ascii=False)


def write(value: Any, written: str) -> bytes:
    """The text in Meta's way (all escaped, also slashes), plain, or with spaces."""
    if written == "meta":
        return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()
    separators = (",", ":") if written == "plain" else (", ", ": ")
    return json.dumps(value, ensure_ascii=False, separators=separators).encode()


@functools.cache
def cases(file: str) -> tuple[Case, ...]:
    return tuple(msgspec.convert(json.loads((FOLDER / f"{file}.json").read_text("utf-8")), list[Case]))


def files() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def fresh(case: Case, counter: Iterator[int] = _counter) -> Case:
    """The same case with new ids, because one server serves all tests in any order."""
    owned = sorted({identifier for user in case.users for identifier in user.values()} | set(case.strangers))
    tails = {_tail(identifier): next(counter) for identifier in owned}
    replaced: dict[str, str] = {}
    for identifier in owned:
        new = _fresh_id(identifier, tails[_tail(identifier)])
        replaced |= dict(zip(_spellings(identifier), _spellings(new), strict=True))
    pattern = re.compile("|".join(map(re.escape, sorted(replaced, key=len, reverse=True))) or "(?!)")
    text = pattern.sub(lambda match: replaced[match[0]], json.dumps(msgspec.to_builtins(case), ensure_ascii=False))
    text = _MESSAGE_ID.sub(rf"\1.T{next(counter):06d}", text)
    return msgspec.convert(json.loads(text), Case)


def _tail(identifier: str) -> str:
    """The common part of two spellings of a number."""
    return identifier[-8:] if _BRAZILIAN_NUMBER.fullmatch(identifier) else identifier


def _fresh_id(identifier: str, number: int) -> str:
    """A new id: 555 01xx is for invented people in every area code. The business's number does not change."""
    if identifier == BUSINESS:
        return identifier
    if _US_NUMBER.fullmatch(identifier):
        return f"1{_AREA_CODES[number // 100]}55501{number % 100:02d}"
    if brazilian := _BRAZILIAN_NUMBER.fullmatch(identifier):
        return f"5511{brazilian[1]}7{number % 10_000_000:07d}"
    return f"{identifier}{number:06d}"


def _spellings(identifier: str) -> list[str]:
    if identifier.isdecimal() and identifier.startswith("1"):
        area, office, line = identifier[1:4], identifier[4:7], identifier[7:]
        return [identifier, f"+1 ({area}) {office}-{line}", f"+1 {area} {office} {line}", f"+1 {area} {office}-{line}"]
    return [identifier]


def remaining(case: Case, blocked: int) -> Json | None:
    """The payload without the items of the user at `blocked`; None if nothing remains to deliver."""
    items = [part for part in case.parts if part.user == blocked and part.kind == "sent"]
    removed = items + [part for part in case.parts if _contact_goes(case, part, blocked, items)]
    if not removed:
        return case.payload
    payload = copy.deepcopy(case.payload)
    for part in removed:
        _put(payload, part.steps, _GONE)
    touched = {tuple(part.steps[:length]) for part in removed for length in range(len(part.steps) + 1)}
    return None if (rest := _prune(payload, (), touched)) is _GONE else rest


def _contact_goes(case: Case, part: Part, blocked: int, items: list[Part]) -> bool:
    """Whether a contact is removed: it is removed with its user's items in the same change, unless another part of the
    change has an id of the user that the contact shows, too.
    """
    if part.kind != "contact" or part.user != blocked or part.change not in [item.change for item in items]:
        return False
    others = [it for it in case.parts if it.user == blocked and it.kind == "about" and it.change == part.change]
    identifiers = [identifier for identifier in case.users[blocked].values() if case.contains(part, identifier)]
    return not any(case.contains(it, identifier) for it in others for identifier in identifiers)


def _prune(node: Any, steps: tuple[str, ...], touched: set[tuple[str, ...]]) -> Any:
    """A copy of `node` without the removed parts; `_GONE` if the rest has no purpose."""
    if node is _GONE or steps not in touched:
        return node
    if isinstance(node, list):
        items = [_prune(item, (*steps, str(index)), touched) for index, item in enumerate(node)]
        return [item for item in items if item is not _GONE] or _GONE
    members = {name: _prune(member, (*steps, name), touched) for name, member in node.items()}
    left = {name: member for name, member in members.items() if member is not _GONE}
    return _GONE if _is_purposeless(steps, node, left) else left


def _is_purposeless(steps: tuple[str, ...], before: Json, left: Json) -> bool:
    """Whether it is a thread without messages, a chunk of history without threads, or a change with only its number."""
    match steps:
        case (*_, ("history" | "threads"), _):
            return any(name in before and name not in left for name in ("messages", "threads"))
        case ("entry", _, "changes", _, "value"):
            return left.keys() <= _ALWAYS_THERE
        case ("entry", _, "changes", _):
            return "value" not in left
        case ("entry", _):
            return "changes" not in left
        case ():
            return "entry" not in left
        case _:
            return not left


def _at(node: Any, steps: list[str]) -> Any:
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node[step]
    return node


def _put(node: Any, steps: list[str], value: Any) -> None:
    parent = _at(node, steps[:-1])
    parent[int(steps[-1]) if isinstance(parent, list) else steps[-1]] = value


def each_user(file: str) -> Iterator[tuple[Case, int]]:
    for case in cases(file):
        yield from ((case, user) for user in range(len(case.users)))
