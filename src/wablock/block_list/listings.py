"""Pages with their cursors, and a cache of them."""

import msgspec

from wablock.block_list.pages import Page
from wablock.block_list.ports import Microseconds, Rules
from wablock.contract import cursor
from wablock.contract.cursor import BadCursor, Cursor
from wablock.contract.errors import InvalidParameter

# Callers choose what is cached, so its size is bounded: about 50 kB a listing, 10 MB in total.
_MOST_CACHED = 200
_MOST_ROWS = 100


class ListingKey(msgspec.Struct, frozen=True):
    """A page of a list, and the rules of the number."""

    list_id: str
    rules: Rules | None
    limit: int
    after: str | None
    before: str | None
    details: bool


class Listing(msgspec.Struct, frozen=True):
    """A page, and the cursors of its first and last row; an empty page has none.

    `rendered` is the response that the server last made of this page, by URL.
    """

    page: Page
    before: str | None
    after: str | None
    rendered: dict[str, tuple[bytes, bytes]] = {}


class _Cached(msgspec.Struct, frozen=True):
    listing: Listing
    stamp: int
    read_at: Microseconds


class ListingCache:
    """A cache of listings. One is valid until something is written, or a block on its list expires."""

    def __init__(self) -> None:
        self._listings: dict[ListingKey, _Cached] = {}

    def listing(self, key: ListingKey, stamp: int, now: Microseconds) -> Listing | None:
        """The listing, if it is still valid at `now` and the store's stamp is still `stamp`."""
        cached = self._listings.get(key)
        if cached is None or cached.stamp != stamp:
            return None
        if now < cached.read_at:  # the clock was set back: an expired block may be in force again
            return None
        holds_until = cached.listing.page.holds_until
        return cached.listing if holds_until is None or now < holds_until else None

    def add(self, key: ListingKey, listing: Listing, stamp: int, now: Microseconds) -> None:
        """Keep `listing` if it is small. It was read after `stamp`, so it is never older."""
        if len(listing.page.rows) > _MOST_ROWS or key.details:
            return
        if len(self._listings) >= _MOST_CACHED:
            self._listings.clear()
        self._listings[key] = _Cached(listing, stamp, now)


def marked_row(parameter: str, text: str | None, list_id: str) -> Cursor | None:
    """The row that a cursor's text marks. Raises `InvalidParameter` with the parameter's name."""
    if text is None:
        return None
    try:
        return cursor.decode(text, list_id)
    except BadCursor:
        raise not_of_this_list(parameter) from None


def not_of_this_list(parameter: str) -> InvalidParameter:
    return InvalidParameter(
        details=f"The {parameter} cursor is not one of this list. Copy it unchanged from the paging of a response."
    )


def listing_of(page: Page, after: Cursor | None, before: Cursor | None, list_id: str) -> Listing:
    """`page`, which was requested with one of the cursors or none, with its own cursors."""
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
