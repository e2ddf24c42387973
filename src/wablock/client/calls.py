"""The client's calls, written as exchanges: the requests, and the results made from the responses. No I/O here."""

import re
from collections.abc import Callable, Iterable
from typing import Final, Protocol
from urllib.parse import urlencode

import msgspec

from wablock.client.answers import Changed, CheckedUser, ListAnswer, Page, UserDone
from wablock.client.chunked import ChunkResult, changed_in_chunks
from wablock.client.exchange import Exchange, HttpRequest
from wablock.client.failures import ApiError, BlocklistChanged
from wablock.client.keys import RequestKeys, random_key
from wablock.client.management import ManagementCalls
from wablock.client.members import MemberCalls
from wablock.client.retrying import Retries, decoded_response
from wablock.client.trail import PageLinks, Trail, page_links
from wablock.client.users import Users, items_of, name_to_find, names_of_row, texts_of
from wablock.contract.wire import WHATSAPP, Time, User

_NUMBER_ID: Final = re.compile(r"[0-9]{1,32}")
_VERSION: Final = re.compile(r"v[0-9]{1,4}\.[0-9]{1,4}")
_LARGEST_PAGE: Final = 1_000


class _BlockUsersRequest(msgspec.Struct):
    """The body of POST and DELETE, in the order of the reference page."""

    block_users: list[User]
    messaging_product: str = WHATSAPP


class Calls:
    """The calls about one number's block list."""

    def __init__(
        self,
        phone_number_id: str,
        version: str | None,
        retries: Retries,
        chance: Callable[[], float],
        new_key: Callable[[], str] = random_key,
    ) -> None:
        """If `version` is None, paths have no version. Raises `ValueError` for an invalid id or version."""
        if not _NUMBER_ID.fullmatch(phone_number_id):
            raise ValueError("phone_number_id must be digits; it is the number's Graph id, not the phone number itself")
        if version is not None and not _VERSION.fullmatch(version):
            raise ValueError(f"version must be like v25.0, not {version!r}")
        self.management = ManagementCalls(phone_number_id, retries, chance)
        self.members = MemberCalls(phone_number_id, retries, chance, new_key)
        self._path = f"{f'/{version}' if version else ''}/{phone_number_id}/block_users"
        self._retries = retries
        self._chance = chance
        self._new_key = new_key
        self._may_check = True

    def block(
        self, users: Users, reason: str | None, note: str | None, expires_at: Time | None, key: str | None = None
    ) -> Exchange[list[UserDone]]:
        return self._change("POST", items_of(users, reason, note, expires_at), key)

    def unblock(self, users: Users, reason: str | None = None, key: str | None = None) -> Exchange[list[UserDone]]:
        return self._change("DELETE", items_of(users, reason, None, None), key)

    def page(self, limit: int | None, after: str | None, before: str | None, fields: str | None) -> Exchange[Page]:
        page, _ = yield from self.linked_page(limit, after, before, fields)
        return page

    def linked_page(
        self, limit: int | None, after: str | None, before: str | None, fields: str | None
    ) -> Exchange[tuple[Page, PageLinks]]:
        """A page, and its response's links to the next and previous pages."""
        parameters = {"limit": limit, "after": after, "before": before, "fields": fields}
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        request = HttpRequest("GET", self._path + (f"?{query}" if query else ""))
        body, response = yield from decoded_response(request, ListAnswer, self._retries, self._chance)
        links = page_links(is_empty=not body.data, paging=body.paging, headers=response.headers)
        return links.page(body.data, by_cursor=(after or before) is not None), links

    def check(self, users: Users, *, may_list: bool = True) -> Exchange[list[CheckedUser]]:
        """Call the server's check if it has one. Otherwise read the whole list, if `may_list` allows it."""
        texts = list(texts_of(users))
        if self._may_check:
            try:
                return (yield from self.management.check(texts))
            except ApiError as error:
                if not may_list or not self.management.has_no_check(error):
                    raise
                self._may_check = False
        return (yield from self._check_by_list(texts))

    def _change(self, method: str, users: Iterable[User], key: str | None) -> Exchange[list[UserDone]]:
        keys = RequestKeys(key, self._retries, self._new_key)

        def send(chunk: list[User]) -> Exchange[ChunkResult]:
            body = msgspec.json.encode(_BlockUsersRequest(chunk))
            request = HttpRequest(method, self._path, body, keys.headers())
            changed, response = yield from decoded_response(request, Changed, self._retries, self._chance)
            outcomes = changed.block_users
            done = outcomes.added_users if method == "POST" else outcomes.removed_users
            return ChunkResult(done, outcomes.failed_users, response, changed.error)

        return changed_in_chunks(users, send)

    def _check_by_list(self, users: list[str]) -> Exchange[list[CheckedUser]]:
        names = {user: name_to_find(user) for user in users}
        blocked: set[str] = set()
        missing = set(names.values())
        walk = Walk(self, _LARGEST_PAGE, None, forward=True)
        while missing and (page := (yield from walk.turn())) is not None:
            for row in page.users:
                blocked |= missing & names_of_row(row)
            missing -= blocked
        return [CheckedUser(user, names[user] in blocked) for user in users]


class PageCalls(Protocol):
    """The calls that read a list page by page."""

    def linked_page(
        self, limit: int | None, after: str | None, before: str | None, fields: str | None, /
    ) -> Exchange[tuple[Page, PageLinks]]: ...


class Walk:
    """A walk through all pages of a list, from a cursor or from its beginning.

    Under Meta's rules the server returns 139102 if the list changes between two pages. A walk that goes forward from
    the beginning then restarts, at most `_MOST_RESTARTS` times, and skips users that it has already returned. So no
    user is returned twice. If the list never ends, the walk returns its pages and then raises `NoAnswer`.
    """

    _MOST_RESTARTS: Final = 10

    def __init__(
        self, calls: PageCalls, limit: int | None, cursor: str | None, *, forward: bool, fields: str | None = None
    ) -> None:
        self._calls = calls
        self._limit = limit
        self._fields = fields
        self._trail = Trail(cursor, forward=forward)
        self._may_restart = forward and cursor is None
        self._restarts = 0
        self._returned: set[tuple[str | None, str | None]] = set()

    def turn(self) -> Exchange[Page | None]:
        """The next page; None after the last. A page has no users if an earlier page had all of them."""
        if self._trail.ended:
            return None
        page, links = yield from self._page()
        users = [user for user in page.users if (user.wa_id, user.user_id) not in self._returned]
        self._returned.update((user.wa_id, user.user_id) for user in users)
        self._trail.arrive(links, new_users=bool(users))
        return msgspec.structs.replace(page, users=users)

    def _page(self) -> Exchange[tuple[Page, PageLinks]]:
        while True:
            cursor = self._trail.step()
            after, before = (cursor, None) if self._trail.forward else (None, cursor)
            try:
                return (yield from self._calls.linked_page(self._limit, after, before, self._fields))
            except BlocklistChanged:
                if not self._may_restart or self._restarts == self._MOST_RESTARTS:
                    raise
                self._restarts += 1
                self._trail.restart()
