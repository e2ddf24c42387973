"""Any JSON body -> the same users in the shape that Meta documents.

Names that differ from a documented one in case or underscores only are that one: some readers ignore case, others write
`fromUserId` for `from_user_id`. What has another type than documented is left out, or stands as an empty object where a
place has to be kept. What has two readings is refused: a name on the way to a sender that stands twice in one object,
and an object in place of an array of what users sent, which is an array to PHP.
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
    """A number as it is written: to compute one takes its time, and nearly none is read."""

    __slots__ = ()


# An object is read as a tuple of all its members, an array as a list.
_reader = json.JSONDecoder(object_pairs_hook=tuple, strict=False, parse_int=_WrittenNumber, parse_float=_WrittenNumber)

_LARGEST_INTEGER: Final = 2**63  # that the documented shape is read with
_LONGEST_NUMBER: Final = 400  # characters

_HIDES_NOBODY: Final = frozenset(("id", "type", "timestamp", "username", "origin"))
_NOTHING_ELSE: Final = frozenset(("messagingproduct",))
# The arrays on the way to what users sent.
_ARRAYS: Final = frozenset(("entry", "changes", "messages", "calls", "history", "threads"))
# Of the address nothing is read where it stands twice: it is an unknown number's then.
_TWICE: Final[dict[str, Any]] = {
    "metadata": {"phone_number_id": False},
    "phone_number_id": False,
    "display_phone_number": UNSET,
}


def canonical(body: bytes) -> bytes:
    """Raises `UnreadableBody`."""
    try:
        whole = _reader.decode(body.decode())
        if not isinstance(whole, tuple):
            raise UnreadableBody("The body must be a JSON object.")
        return msgspec.json.encode(_webhook(whole))
    except RecursionError as error:
        raise UnreadableBody("The body is nested too deeply.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UnreadableBody("The body must be a JSON object.") from error


_Shape: TypeAlias = Callable[[Any], Any]
"""Makes of a value what is documented for its place; `UNSET` where it is something else."""

_Members: TypeAlias = dict[str, tuple[str, _Shape]]
"""What is read of an object: by its plain name the documented one, and the shape."""

_NOT_READ: Final[tuple[str, _Shape | None]] = ("", None)


def _shape_of(kind: inspect.Type, known: dict[type, _Shape]) -> _Shape | None:
    """None for what is not read."""
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


def _struct(members: _Members, value: Any, repeatable: frozenset[str] = _HIDES_NOBODY) -> Any:
    if not isinstance(value, tuple):
        return UNSET
    documented: dict[str, Any] = {}
    for shown, member in value:
        name, shape = members.get(plain(shown), _NOT_READ)
        if shape is None:
            continue
        if name in _ARRAYS and isinstance(member, tuple) and member:
            raise UnreadableBody(f'"{name}" must be an array, not an object. Send it as Meta documents it.')
        if name not in documented:
            documented[name] = shape(member)
        elif name in repeatable:
            last = shape(member)
            documented[name] = documented[name] if last is UNSET else last
        elif name in _TWICE:
            documented[name] = _TWICE[name]
        else:
            raise UnreadableBody(
                f'"{name}" stands twice in one object of the webhook, so it has two readings. Send it once.'
            )
    return {name: it for name, it in documented.items() if it is not UNSET}


def _value(members: _Members, value: Any) -> Any:
    documented = _struct(members, value)
    if documented is not UNSET and any(
        plain(shown) not in _NOTHING_ELSE and members.get(plain(shown), _NOT_READ)[0] not in documented
        for shown, _ in value
    ):
        documented["errors"] = True  # see `Value`
    return documented


def _thread(members: _Members, value: Any) -> Any:
    """Its `id` is the user."""
    return _struct(members, value, frozenset())


def _list_of(element: _Shape) -> _Shape:
    return lambda value: (
        [{} if (it := element(one)) is UNSET else it for one in value] if isinstance(value, list) else UNSET
    )


def _text(value: Any) -> Any:
    """Without halves of surrogate pairs, which other senders' JSON has where text was cut."""
    if not isinstance(value, str) or isinstance(value, _WrittenNumber):
        return UNSET
    return value.encode("utf-8", "replace").decode()


def _number_or_text(value: Any) -> Any:
    if isinstance(value, _WrittenNumber):
        # No sender's number is larger than a float is exact.
        number = float(value) if len(value) <= _LONGEST_NUMBER else math.inf
        return int(number) if abs(number) < _LARGEST_INTEGER and number.is_integer() else UNSET
    return _text(value)


def _anything(value: Any) -> Any:
    """A text as it is; of another value only that it is there."""
    return False if (text := _text(value)) is UNSET else text


_LEAVES: Final = ((inspect.BoolType, _anything), (inspect.IntType, _number_or_text))
_READERS: Final = {Value: _value, Thread: _thread}
_webhook: Final = _shape_of(inspect.type_info(Webhook), {}) or _anything
