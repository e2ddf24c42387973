"""Members of a list, as the API shows them."""

import msgspec
from msgspec import UNSET, UnsetType

from wablock.block_list.pages import Row
from wablock.block_list.ports import Listed
from wablock.block_list.row_tags import tag_of
from wablock.block_list.rules import SECOND
from wablock.contract import wire


class ListMember(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A user on a list. What is not known, or was not given, is missing. Times are in seconds since 1970.

    `updated_at` and `updated_by`: the last change of reason, note or end. `etag`: for `If-Match`, without its quotes.
    """

    wa_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    input: str
    reason: str | UnsetType = UNSET
    note: str | UnsetType = UNSET
    blocked_at: int
    blocked_by: str
    expires_at: int | UnsetType = UNSET
    updated_at: int | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    batch_id: str | UnsetType = UNSET
    etag: str


class ListMembers(msgspec.Struct, omit_defaults=True):
    """A page of a list, newest block first."""

    data: list[ListMember]
    paging: wire.Paging | UnsetType = UNSET


def shown(row: Row | Listed) -> ListMember:
    """The row of a list as a member."""
    return ListMember(
        wa_id=row.wa_id or UNSET,
        user_id=row.user_id or UNSET,
        input=row.input,
        reason=_known(row.reason),
        note=_known(row.note),
        blocked_at=row.blocked_at // SECOND,
        blocked_by=row.blocked_by,
        expires_at=UNSET if row.expires_at is None else row.expires_at // SECOND,
        updated_at=UNSET if row.updated_at is None else row.updated_at // SECOND,
        updated_by=_known(row.updated_by),
        source=_known(row.source),
        batch_id=_known(row.batch_id),
        etag=tag_of(row),
    )


def _known(text: str | None) -> str | UnsetType:
    return UNSET if text is None else text
