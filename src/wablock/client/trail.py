"""The way through the pages of a list: where it goes on, where it ends, and when it never would. No I/O here.

Graph gives `paging.next` while there is a next page, and an empty page may have one; a page without it is the last. The
Block API's own reference page shows cursors alone: there an empty page is the end, or one without a cursor. So a page
without `next` is the last for certain only if an earlier one had it, or if the server is wablock, which names its first
and last page in a header.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from wablock.client.answers import BlockedUser, Page, ReadPaging
from wablock.client.failures import NoAnswer
from wablock.contract.wire import FIRST_PAGE, LAST_PAGE, PAGE_HEADER


class Circle(NoAnswer):
    """The pages of a list repeat themselves."""


class PageLinks(msgspec.Struct, frozen=True):
    """What one answer says about the pages before and after it; `place` is wablock's header."""

    is_empty: bool
    paging: ReadPaging
    place: str = ""

    def link(self, *, forward: bool) -> str | None:
        return (self.paging.next if forward else self.paging.previous) or None

    def cursor(self, *, forward: bool) -> str | None:
        return self.paging.after if forward else self.paging.before

    def may_go_on(self, *, forward: bool) -> bool:
        """Whether there is a page, or may be one; False is certain."""
        if self.link(forward=forward):
            return True
        if self.is_empty or self.cursor(forward=forward) is None:
            return False
        return (LAST_PAGE if forward else FIRST_PAGE) not in self.place

    def page(self, users: list[BlockedUser], *, by_cursor: bool) -> Page:
        """The page itself. One that was not requested by a cursor is the first: only a link leads back from it."""
        has_previous = self.may_go_on(forward=False) if by_cursor else self.link(forward=False) is not None
        return Page(users, self.paging.after, self.paging.before, self.may_go_on(forward=True), has_previous)


def page_links(*, is_empty: bool, paging: ReadPaging | None, headers: Mapping[str, str]) -> PageLinks:
    return PageLinks(is_empty, paging or ReadPaging(), headers.get(PAGE_HEADER, ""))


class Trail:
    """The steps of one walk in one direction, from a cursor or from the list's beginning."""

    _MOST_IDLE: Final = 100
    """Pages without a new user, beyond as many as had one: a walk that begins again meets those a second time."""

    def __init__(self, cursor: str | None = None, *, forward: bool = True) -> None:
        self.forward = forward
        self.ended = False
        self._cursor = cursor
        self._used: set[str] = set()
        self._has_links = False
        self._lacks_cursor = False
        self._fruitful = 0
        self._idle = 0

    def step(self) -> str | None:
        """The cursor to request the next page with. Raises `NoAnswer` where the list would never end."""
        if self._lacks_cursor:
            raise NoAnswer("The server says that the list goes on, but gives no cursor to go on with.")
        if self._cursor in self._used:
            raise Circle("The list goes round in a circle: a cursor came twice. The server does not read cursors.")
        if self._idle > self._fruitful + self._MOST_IDLE:
            raise Circle(f"The list goes round in a circle: the last {self._idle} pages had no new user.")
        if self._cursor is not None:
            self._used.add(self._cursor)
        return self._cursor

    def arrive(self, links: PageLinks, *, new_users: bool) -> None:
        """Note the page that came, and whether it had a user whom no page had before."""
        self._fruitful, self._idle = (self._fruitful + 1, 0) if new_users else (self._fruitful, self._idle + 1)
        is_linked = links.link(forward=self.forward) is not None
        self._has_links = self._has_links or is_linked
        goes_on = is_linked if self._has_links else links.may_go_on(forward=self.forward)
        self.ended = not goes_on
        self._cursor = links.cursor(forward=self.forward)
        self._lacks_cursor = goes_on and self._cursor is None

    def restart(self) -> None:
        """Go back to the list's beginning."""
        self._cursor = None
        self._used.clear()
        self._idle = 0
