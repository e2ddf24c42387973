"""Pages of a block list, as a store reads them."""

from collections.abc import Sequence

import msgspec

from wablock.block_list.ports import Microseconds


class Row(msgspec.Struct, frozen=True, gc=False):
    """A blocked user, as a page shows it; see `Listed`.

    The fields after `user_id` are set if the request has `details`.
    """

    seq: int
    wa_id: str | None
    user_id: str | None
    input: str = ""
    blocked_at: Microseconds = 0
    blocked_by: str = ""
    reason: str | None = None
    note: str | None = None
    expires_at: Microseconds | None = None
    updated_at: Microseconds | None = None
    updated_by: str | None = None
    source: str | None = None
    batch_id: str | None = None


class PageRequest(msgspec.Struct, frozen=True):
    """A request for `limit` rows in force at `at`: the newest, or those next after or before the row at a `seq`."""

    list_id: str
    limit: int
    at: Microseconds
    after: int | None = None
    before: int | None = None
    details: bool = True


class Page(msgspec.Struct, frozen=True):
    """Rows, newest first, and the list's version (0: never changed), as of one moment.

    Without further writes the page is correct until `holds_until`, when a block expires. None: it does not expire.
    """

    rows: Sequence[Row]
    version: int
    has_previous: bool
    has_next: bool
    holds_until: Microseconds | None = None
