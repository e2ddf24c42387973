"""The path through the pages of a list: the next cursor, the end, and lists that never end. No I/O here.

Graph sends `paging.next` while there is a next page, even on an empty page; the last page has no `next`. The Block
API's own reference page shows only cursors. With cursors alone, the list ends at an empty page or at a page without a
cursor. So another page may follow a page that has users and a cursor but no `next`. There are two exceptions: an
earlier page had `next`, or the server is wablock, which marks the first and the last page in a header.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from wablock.client.answers import BlockedUser, Page, ReadPaging
from wablock.client.failures import NoAnswer
from wablock.contract.wire import FIRST_PAGE, LAST_PAGE, PAGE_HEADER


class PagesRepeat(NoAnswer):
    """The server returns the same pages again and again."""


class PageLinks(msgspec.Struct, frozen=True):
    """One response's links to the pages before and after it. `place` is the value of wablock's header."""

    is_empty: bool
    paging: ReadPaging
    place: str = ""

    def link(self, *, forward: bool) -> str | None:
        return (self.paging.next if forward else self.paging.previous) or None

    def cursor(self, *, forward: bool) -> str | None:
        return self.paging.after if forward else self.paging.before

    def may_have_more(self, *, forward: bool) -> bool:
        """Whether there may be another page. False means that there is certainly none."""
        if self.link(forward=forward):
            return True
        if self.is_empty or self.cursor(forward=forward) is None:
            return False
        return (LAST_PAGE if forward else FIRST_PAGE) not in self.place

    def page(self, users: list[BlockedUser], *, by_cursor: bool) -> Page:
        """The page itself. A page that was requested without a cursor is the first, so its cursor leads nowhere."""
        has_previous = self.may_have_more(forward=False) if by_cursor else self.link(forward=False) is not None
        return Page(users, self.paging.after, self.paging.before, self.may_have_more(forward=True), has_previous)


def page_links(*, is_empty: bool, paging: ReadPaging | None, headers: Mapping[str, str]) -> PageLinks:
    return PageLinks(is_empty, paging or ReadPaging(), headers.get(PAGE_HEADER, ""))


class Trail:
    """The steps of one walk in one direction, from a cursor or from the list's beginning."""

    _MOST_WITHOUT_NEW: Final = 100
    """The most pages in a row without a new user. The number of pages that had new users is added to this limit,
    because a restart reads them again.
    """

    def __init__(self, cursor: str | None = None, *, forward: bool = True) -> None:
        self.forward = forward
        self.ended = False
        self._cursor = cursor
        self._used: set[str] = set()
        self._has_links = False
        self._lacks_cursor = False
        self._with_new = 0
        self._without_new = 0

    def step(self) -> str | None:
        """The cursor for the next request. Raises `NoAnswer` if the list would never end."""
        if self._lacks_cursor:
            raise NoAnswer("The server says that there is a next page, but sends no cursor for it.")
        if self._cursor in self._used:
            raise PagesRepeat("The server repeats its pages: it sent the same cursor twice, so it may ignore cursors.")
        if self._without_new > self._with_new + self._MOST_WITHOUT_NEW:
            raise PagesRepeat(f"The server repeats its pages: the last {self._without_new} pages had no new user.")
        if self._cursor is not None:
            self._used.add(self._cursor)
        return self._cursor

    def arrive(self, links: PageLinks, *, new_users: bool) -> None:
        """Record a page's links, and whether it had a user that no earlier page had."""
        self._with_new += new_users
        self._without_new = 0 if new_users else self._without_new + 1
        is_linked = links.link(forward=self.forward) is not None
        self._has_links = self._has_links or is_linked
        goes_on = is_linked if self._has_links else links.may_have_more(forward=self.forward)
        self.ended = not goes_on
        self._cursor = links.cursor(forward=self.forward)
        self._lacks_cursor = goes_on and self._cursor is None

    def restart(self) -> None:
        """Start again at the beginning of the list."""
        self._cursor = None
        self._used.clear()
        self._without_new = 0
