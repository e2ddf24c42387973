"""The bytes of each part of a webhook, so that a test can compare unchanged parts without decoding them."""

from collections.abc import Iterable

import msgspec


class _Metadata(msgspec.Struct):
    phone_number_id: str


class _About(msgspec.Struct):
    metadata: _Metadata | None = None


class _Change(msgspec.Struct):
    value: msgspec.Raw
    field: str


class _Entry(msgspec.Struct):
    changes: list[msgspec.Raw]


class _Webhook(msgspec.Struct):
    entry: list[_Entry]


_webhook = msgspec.json.Decoder(_Webhook)
_change = msgspec.json.Decoder(_Change)
_value = msgspec.json.Decoder(dict[str, msgspec.Raw])
_about = msgspec.json.Decoder(_About)
_list = msgspec.json.Decoder(list[msgspec.Raw])


def changes_in(webhook: bytes) -> list[bytes]:
    """Every change, in order."""
    return [bytes(raw) for entry in _webhook.decode(webhook).entry for raw in entry.changes]


def members_in(change: bytes) -> dict[str, bytes]:
    """The members of a change's value, by name, in order."""
    return {name: bytes(raw) for name, raw in _value.decode(_change.decode(change).value).items()}


def field_of(change: bytes) -> str:
    return _change.decode(change).field


def number_of(change: bytes) -> str | None:
    """The number that a change is about; None for the account as a whole."""
    metadata = _about.decode(_change.decode(change).value).metadata
    return None if metadata is None else metadata.phone_number_id


def elements_in(array: bytes) -> list[bytes]:
    return [bytes(raw) for raw in _list.decode(array)]


def pieces_in(members: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes | list[bytes]]]:
    """The members, with arrays split into elements, without the blanks between elements."""
    return [(name, elements_in(raw) if raw.startswith(b"[") else raw) for name, raw in members]


def items_in(webhook: bytes) -> list[bytes]:
    """Every message and call of a webhook, in order."""
    items = []
    for change in changes_in(webhook):
        members = members_in(change)
        items += [it for name in ("messages", "calls") for it in elements_in(members.get(name, b"[]"))]
    return items
