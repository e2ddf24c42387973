"""Cursors: the conversion between a place in a block list and the text of `after` and `before`.

The format is Meta's: standard base64 of compact JSON, in which Z, =, + and / are then written ZA, ZD, ZB and ZC. Meta's
JSON has `offset` and `versionId`. wablock adds two members. With them, a page at the end of a long list costs the same
as the first page, and a cursor of another list is detected:

- `seq`: the marked row's place in the list's own order. It is omitted if it equals `versionId`.
- `list`: a checksum over the list and the other members. It is present if `seq` is.
"""

import binascii
from hashlib import blake2b

import msgspec

_LONGEST = 1_024  # wablock's cursors have under 200 characters; a longer text is refused without decoding


class BadCursor(ValueError):
    """The text is not a cursor of this list."""


class Cursor(msgspec.Struct, frozen=True):
    """A row's place in one `version` of a list: `offset` rows from the start, and at `seq` in the list's order."""

    offset: int
    version: int
    seq: int


class _Text(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    offset: int
    versionId: str  # noqa: N815 - Meta's name
    seq: str = ""
    list: str = ""


_empty_checksum = blake2b(digest_size=6)
_decoder = msgspec.json.Decoder(_Text)


def encode(cursor: Cursor, list_id: str) -> str:
    """The text that marks `cursor`'s row of the list."""
    text = f'{{"offset":{cursor.offset},"versionId":"{cursor.version}"'
    if cursor.seq != cursor.version:
        text += f',"seq":"{cursor.seq}","list":"{_checksum(cursor, list_id)}"'
    plain = binascii.b2a_base64(f"{text}}}".encode(), newline=False).decode()
    # Z must be first: the Z that the other escapes add must not be escaped again.
    return plain.replace("Z", "ZA").replace("=", "ZD").replace("+", "ZB").replace("/", "ZC")


def decode(text: str, list_id: str) -> Cursor:
    """The place that `text` marks; raises `BadCursor` for any text that `encode` did not make for this list.

    A text without `seq` has no checksum, and is read as Meta's cursor of the list's newest row.
    """
    if len(text) > _LONGEST:
        raise BadCursor
    try:
        # ZA must be last: its Z is no beginning of another escape.
        plain = text.replace("ZC", "/").replace("ZB", "+").replace("ZD", "=").replace("ZA", "Z")
        parsed = _decoder.decode(binascii.a2b_base64(plain, strict_mode=True))
        version = int(parsed.versionId)
        cursor = Cursor(parsed.offset, version, int(parsed.seq) if parsed.seq else version)
    except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError):
        raise BadCursor from None
    # The checksum has no secret, so anyone can make a correct one for numbers that no database can store.
    if not (0 <= cursor.offset < 2**63 and 0 < cursor.seq <= version < 2**63) or encode(cursor, list_id) != text:
        raise BadCursor
    # `seq` is omitted only for the newest row, which is at offset 0.
    if not parsed.seq and parsed.offset != 0:
        raise BadCursor
    return cursor


def _checksum(cursor: Cursor, list_id: str) -> str:
    checksum = _empty_checksum.copy()  # in half of the time of a new one
    checksum.update(f"{list_id}:{cursor.offset}:{cursor.version}:{cursor.seq}".encode())
    return checksum.hexdigest()
