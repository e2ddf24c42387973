"""A place in a block list <-> the text of `after` and `before`.

The text is Meta's: standard base64 of compact JSON, in which Z, =, + and / are then written ZA, ZD, ZB and ZC.
Meta's JSON has `offset` and `versionId`; wablock adds two members, so that a page at the end of a long list costs what
the first one does, and a cursor of another list is noticed:

- `seq`: the marked row, by its place in the list's own order; left out where it equals `versionId`.
- `list`: a check value over the list and the other members; there when `seq` is.
"""

import binascii
import re
from base64 import b64decode, b64encode
from hashlib import blake2b

import msgspec

_ESCAPE = {"Z": "ZA", "=": "ZD", "+": "ZB", "/": "ZC"}
_UNESCAPE = {after: before for before, after in _ESCAPE.items()}
_ESCAPED = re.compile("Z[ABCD]")
_STRAY_Z = re.compile("Z(?![ABCD])")
_LONGEST = 1_024  # a cursor of ours has under 200 characters; what is longer is not worth decoding


class BadCursor(ValueError):
    """The text is not a cursor of this list."""


class Cursor(msgspec.Struct, frozen=True):
    """One row of a list, as seen when the list had `version`: `offset` rows from its start, at `seq` in its order."""

    offset: int
    version: int
    seq: int


class _Text(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    offset: int
    versionId: str  # noqa: N815 - Meta's name
    seq: str = ""
    list: str = ""


_decoder = msgspec.json.Decoder(_Text)


def encode(cursor: Cursor, list_id: str) -> str:
    """The text that marks `cursor`'s row of the list."""
    text = f'{{"offset":{cursor.offset},"versionId":"{cursor.version}"'
    if cursor.seq != cursor.version:
        text += f',"seq":"{cursor.seq}","list":"{_check_value(cursor, list_id)}"'
    plain = b64encode(f"{text}}}".encode()).decode()
    # The order matters: the Z that an escape brings in must not be escaped again.
    return plain.replace("Z", "ZA").replace("=", "ZD").replace("+", "ZB").replace("/", "ZC")


def decode(text: str, list_id: str) -> Cursor:
    """The place that `text` marks; raises `BadCursor` for any text that `encode` did not make for this list.

    A text without `seq` carries no check value, and is taken as Meta's cursor of a list's newest row.
    """
    if len(text) > _LONGEST or _STRAY_Z.search(text):
        raise BadCursor
    try:
        plain = b64decode(_ESCAPED.sub(lambda match: _UNESCAPE[match[0]], text), validate=True)
        parsed = _decoder.decode(plain)
        version = int(parsed.versionId)
        cursor = Cursor(parsed.offset, version, int(parsed.seq) if parsed.seq else version)
    except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError):
        raise BadCursor from None
    # The check value keeps no secret: a made-up text may carry a right one, with numbers that no database holds.
    if not (0 <= cursor.offset < 2**63 and 0 < cursor.seq <= version < 2**63) or encode(cursor, list_id) != text:
        raise BadCursor
    if not parsed.seq and parsed.offset != 0:  # only the newest row equals the version, and it is the first
        raise BadCursor
    return cursor


def _check_value(cursor: Cursor, list_id: str) -> str:
    marked = f"{list_id}:{cursor.offset}:{cursor.version}:{cursor.seq}"
    return blake2b(marked.encode(), digest_size=6).hexdigest()
