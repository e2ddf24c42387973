"""A row's tag, which is another one as soon as anything is different that a page shows of the row."""

import hashlib

import msgspec

from wablock.block_list.pages import Row
from wablock.block_list.ports import Listed


def tag_of(row: Listed | Row) -> str:
    """The tag: letters and digits, the same for a stored row and for the row of a page."""
    shown = msgspec.structs.astuple(row)
    content = msgspec.json.encode(shown[1:] if isinstance(row, Listed) else shown)
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()[:20]
