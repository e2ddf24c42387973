"""The conversion of any JSON body to the shape that Meta documents, with the same users.

A name that differs from a documented one only in case or underscores counts as the documented one: some parsers ignore
case, others write `fromUserId` for `from_user_id`. A value of another type than documented is removed, or replaced by
an empty object if its position matters. A body that two parsers may read differently is refused: if a name on the path
to a sender occurs twice in one object, or if an object replaces an array of messages, because PHP reads it as an array.
"""

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, inspect

from wablock.gate.webhook.documented import Thread, Value, Webhook
from wablock.gate.webhook.raw_json import UnreadableBody, plain


class _WrittenNumber(str):
    """A number as text. Converting all numbers would take long, and nearly none is used."""

    __slots__ = ()


# An object is read as a tuple of all its members, an array as a list.
_reader = json.JSONDecoder(object_pairs_hook=tuple, strict=False, parse_int=_WrittenNumber, parse_float=_WrittenNumber)

_LARGEST_INTEGER: Final = 2**63  # the decoder of the documented shape accepts integers below it
_LONGEST_NUMBER: Final = 400  # characters

# Names that may occur twice in one object, because they never show the sender.
_REPEATABLE: Final = frozenset(("id", "type", "timestamp", "username", "origin"))
_NO_CONTENT: Final = frozenset(("messagingproduct",))
# The arrays on the path to messages and calls.
_ARRAYS: Final = frozenset(("entry", "changes", "messages", "calls", "history", "threads"))
# If a member that identifies the business number occurs twice, it gets this value: the number is then unknown.
_VALUES_IF_TWICE: Final[dict[str, Any]] = {
    "metadata": {"phone_number_id": False},
    "phone_number_id": False,
    "display_phone_number": UNSET,
}


def canonical(body: bytes) -> bytes:
    """The body in the documented shape. Raises `UnreadableBody`."""
    try:
        webhook = _reader.decode(body.decode())
        if not isinstance(webhook, tuple):
            raise UnreadableBody("The body must be a JSON object.")
        return msgspec.json.encode(_webhook(webhook))
    except RecursionError as error:
        raise UnreadableBody("The body is nested too deeply.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UnreadableBody("The body must be a JSON object.") from error


_Shape: TypeAlias = Callable[[Any], Any]
"""A function that converts a value to the documented type for its position. It returns `UNSET` for any other type."""

_Members: TypeAlias = dict[str, tuple[str, _Shape]]
"""The members of an object that are read: plain name -> documented name and shape."""

_NOT_READ: Final[tuple[str, _Shape | None]] = ("", None)


def _shape_of(kind: inspect.Type, known: dict[type, _Shape]) -> _Shape | None:
    """The shape of a documented type; None for a type that is not read."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for it in kinds:
        if isinstance(it, inspect.RawType):
            return None
        if isinstance(it, inspect.StructType):
            return _struct_of(it, known)
        if isinstance(it, inspect.ListType):
            return _list_of(_shape_of(it.item_type, known) or _anything)
    return next((shape for leaf, shape in _LEAVES if any(isinstance(it, leaf) for it in kinds)), _text)


def _struct_of(kind: inspect.StructType, known: dict[type, _Shape]) -> _Shape:
    if kind.cls not in known:
        members: _Members = {}
        known[kind.cls] = partial(_READERS.get(kind.cls, _struct), members)
        for field in kind.fields:
            shape = _shape_of(field.type, known)
            if shape is not None:
                members[plain(field.encode_name)] = field.encode_name, shape
    return known[kind.cls]


def _struct(members: _Members, value: Any, repeatable: frozenset[str] = _REPEATABLE) -> Any:
    if not isinstance(value, tuple):
        return UNSET
    documented: dict[str, Any] = {}
    for name_in_body, member in value:
        name, shape = members.get(plain(name_in_body), _NOT_READ)
        if shape is None:
            continue
        if name in _ARRAYS and isinstance(member, tuple) and member:
            raise UnreadableBody(f'"{name}" must be an array, not an object. Send it as Meta documents it.')
        if name not in documented:
            documented[name] = shape(member)
        elif name in repeatable:
            last = shape(member)
            documented[name] = documented[name] if last is UNSET else last
        elif name in _VALUES_IF_TWICE:
            documented[name] = _VALUES_IF_TWICE[name]
        else:
            raise UnreadableBody(
                f'"{name}" occurs twice in one object of the webhook, so parsers may read it differently. Send it once.'
            )
    return {name: it for name, it in documented.items() if it is not UNSET}


def _value(members: _Members, value: Any) -> Any:
    documented = _struct(members, value)
    if documented is not UNSET and any(
        plain(name) not in _NO_CONTENT and members.get(plain(name), _NOT_READ)[0] not in documented for name, _ in value
    ):
        documented["errors"] = True  # see `Value`
    return documented


def _thread(members: _Members, value: Any) -> Any:
    """A thread. Its `id` is the user, so no name may occur twice."""
    return _struct(members, value, frozenset())


def _list_of(element: _Shape) -> _Shape:
    return lambda value: (
        [{} if (it := element(one)) is UNSET else it for one in value] if isinstance(value, list) else UNSET
    )


def _text(value: Any) -> Any:
    """A text without halves of surrogate pairs, which occur in the JSON of other senders if they cut a text."""
    if not isinstance(value, str) or isinstance(value, _WrittenNumber):
        return UNSET
    return value.encode("utf-8", "replace").decode()


def _number_or_text(value: Any) -> Any:
    if isinstance(value, _WrittenNumber):
        # Floats are exact for every number that a sender can have.
        number = float(value) if len(value) <= _LONGEST_NUMBER else math.inf
        return int(number) if abs(number) < _LARGEST_INTEGER and number.is_integer() else UNSET
    return _text(value)


def _anything(value: Any) -> Any:
    """A text unchanged. Any other value becomes False, which shows only that there is a value."""
    return False if (text := _text(value)) is UNSET else text


_LEAVES: Final = ((inspect.BoolType, _anything), (inspect.IntType, _number_or_text))
_READERS: Final = {Value: _value, Thread: _thread}
_webhook: Final = _shape_of(inspect.type_info(Webhook), {}) or _anything
