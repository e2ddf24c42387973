"""Pages with their cursors, remembered while they are true."""

import msgspec

from wablock.block_list.ports import Microseconds, Page, Rules
from wablock.contract import cursor
from wablock.contract.cursor import BadCursor, Cursor
from wablock.contract.errors import InvalidParameter

# What is remembered is chosen by callers, so it is bounded by size: some 50 kB a listing at the most, 10 MB in all.
_MOST_REMEMBERED = 200
_MOST_ROWS = 100


class Asked(msgspec.Struct, frozen=True):
    """Which page of which list, under which rules."""

    list_id: str
    rules: Rules | None
    limit: int
    after: str | None
    before: str | None
    details: bool


class Listing(msgspec.Struct, frozen=True):
    """A page and the cursors of its first and last row; no cursors where it is empty.

    `rendered` is for whoever shows it: what was last made of this very page, and for whom.
    """

    page: Page
    before: str | None
    after: str | None
    rendered: dict[str, tuple[bytes, bytes]] = {}


class _Remembered(msgspec.Struct, frozen=True):
    listing: Listing
    stamp: int
    read_at: Microseconds


class RememberedListings:
    """Listings that can be given again: since they were read nothing was written, and nobody on their list expired."""

    def __init__(self) -> None:
        self._listings: dict[Asked, _Remembered] = {}

    def listing(self, asked: Asked, stamp: int, now: Microseconds) -> Listing | None:
        """The listing, where it is still true at `now` and the store still says `stamp`."""
        remembered = self._listings.get(asked)
        if remembered is None or remembered.stamp != stamp:
            return None
        if now < remembered.read_at:  # a clock that was set back may bring the expired back
            return None
        holds_until = remembered.listing.page.holds_until
        return remembered.listing if holds_until is None or now < holds_until else None

    def remember(self, asked: Asked, listing: Listing, stamp: int, now: Microseconds) -> None:
        """Keep `listing`, if it is small; it was read after the store said `stamp`: at worst it is newer."""
        if len(listing.page.rows) > _MOST_ROWS or asked.details:
            return
        if len(self._listings) >= _MOST_REMEMBERED:
            self._listings.clear()
        self._listings[asked] = _Remembered(listing, stamp, now)


def marked_row(parameter: str, text: str | None, list_id: str) -> Cursor | None:
    """The row that a cursor's text marks; raises `InvalidParameter`, naming the parameter."""
    if text is None:
        return None
    try:
        return cursor.decode(text, list_id)
    except BadCursor:
        raise not_of_this_list(parameter) from None


def not_of_this_list(parameter: str) -> InvalidParameter:
    return InvalidParameter(
        details=f"The {parameter} cursor is not one of this list; take it from an answer's paging, unchanged"
    )


def listing_of(page: Page, after: Cursor | None, before: Cursor | None, list_id: str) -> Listing:
    """`page`, which was asked for by one of the cursors or none, with its own."""
    if not page.rows:
        return Listing(page, None, None)
    if not page.has_previous:
        start = 0
    elif after:
        start = after.offset + 1
    else:
        start = max(before.offset - len(page.rows), 0) if before else 0
    first = Cursor(start, page.version, page.rows[0].seq)
    last = Cursor(start + len(page.rows) - 1, page.version, page.rows[-1].seq)
    return Listing(page, cursor.encode(first, list_id), cursor.encode(last, list_id))
