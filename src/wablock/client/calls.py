"""Every call of the client, as exchanges: what is sent, and what is made of the answers. No I/O here."""

import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlencode

import msgspec

from wablock.client.answers import (
    Changed,
    CheckedUser,
    ErrorBody,
    FailedUser,
    ListAnswer,
    Page,
    UserDone,
)
from wablock.client.exchange import Exchange, HttpRequest
from wablock.client.failures import ApiError, BlocklistChanged, ClientError, NoAnswer, SomeUsersFailed
from wablock.client.management import ManagementCalls
from wablock.client.retrying import Retries, decoded_answer
from wablock.client.trail import PageLinks, Trail, page_links
from wablock.client.users import Users, chunks, listed_name, named, shown_names, typed
from wablock.contract.wire import WHATSAPP, User

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
        self, phone_number_id: str, version: str | None, retries: Retries, chance: Callable[[], float]
    ) -> None:
        """`version` None: none is named in paths. Raises `ValueError` for what cannot be part of a path."""
        if not _NUMBER_ID.fullmatch(phone_number_id):
            raise ValueError("phone_number_id must be digits, as Graph's ids are; it is not the phone number itself")
        if version is not None and not _VERSION.fullmatch(version):
            raise ValueError(f"version must be like v25.0, not {version!r}")
        self.management = ManagementCalls(phone_number_id, retries, chance)
        self._path = f"{f'/{version}' if version else ''}/{phone_number_id}/block_users"
        self._retries = retries
        self._chance = chance
        self._may_check = True

    def block(
        self, users: Users, reason: str | None, note: str | None, expires_at: int | None
    ) -> Exchange[list[UserDone]]:
        return self._change("POST", named(users, reason, note, expires_at))

    def unblock(self, users: Users) -> Exchange[list[UserDone]]:
        return self._change("DELETE", named(users, None, None, None))

    def page(self, limit: int | None, after: str | None, before: str | None, fields: str | None) -> Exchange[Page]:
        page, _ = yield from self.linked_page(limit, after, before, fields)
        return page

    def linked_page(
        self, limit: int | None, after: str | None, before: str | None, fields: str | None
    ) -> Exchange[tuple[Page, PageLinks]]:
        """A page, and what its answer says about the pages around it."""
        asked = {"limit": limit, "after": after, "before": before, "fields": fields}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        request = HttpRequest("GET", self._path + (f"?{query}" if query else ""))
        listed, response = yield from decoded_answer(request, ListAnswer, self._retries, self._chance)
        links = page_links(is_empty=not listed.data, paging=listed.paging, headers=response.headers)
        return links.page(listed.data, by_cursor=(after or before) is not None), links

    def check(self, users: Users, *, may_list: bool = True) -> Exchange[list[CheckedUser]]:
        """Uses the server's check if it has one. Otherwise looks through the list, if that is allowed."""
        checked = list(typed(users))
        if self._may_check:
            try:
                return (yield from self.management.check(checked))
            except ApiError as refusal:
                if not may_list or not self.management.has_no_check(refusal):
                    raise
                self._may_check = False
        return (yield from self._look_through(checked))

    def _change(self, method: str, users: Iterable[User]) -> Exchange[list[UserDone]]:
        done: list[UserDone] = []
        failed: list[FailedUser] = []
        error: ErrorBody | None = None
        status = 200
        try:
            for chunk in chunks(users):
                body = msgspec.json.encode(_BlockUsersRequest(chunk))
                request = HttpRequest(method, self._path, body)
                changed, response = yield from decoded_answer(request, Changed, self._retries, self._chance)
                outcomes = changed.block_users
                done_now = outcomes.added_users if method == "POST" else outcomes.removed_users
                done += done_now
                failed += outcomes.failed_users
                if len(done_now) + len(outcomes.failed_users) < len({user.user or user.user_id for user in chunk}):
                    raise NoAnswer("The server did not say what became of every user.", response.status)
                if outcomes.failed_users:
                    error, status = changed.error or error, response.status
        except ClientError as failure:
            failure.done, failure.failed = done, failed
            raise
        if failed:
            raise SomeUsersFailed(done, failed, error, status)
        return done

    def _look_through(self, asked: list[str]) -> Exchange[list[CheckedUser]]:
        names = {user: listed_name(user) for user in asked}
        blocked: set[str] = set()
        missing = set(names.values())
        walk = Walk(self, _LARGEST_PAGE, None, forward=True)
        while missing and (page := (yield from walk.turn())) is not None:
            for user in page.users:
                blocked |= missing & shown_names(user)
            missing -= blocked
        return [CheckedUser(user, names[user] in blocked) for user in asked]


class Walk:
    """A walk through all pages of a list, from a cursor or from its beginning.

    Under Meta's rules a list that changes ends the walk with 139102. One that went forward from the beginning begins
    again then, a few times, and leaves out whom it has shown; nobody is shown twice. A list without an end raises
    `NoAnswer`, after its pages were shown.
    """

    _MOST_RESTARTS: Final = 10

    def __init__(
        self, calls: Calls, limit: int | None, cursor: str | None, *, forward: bool, fields: str | None = None
    ) -> None:
        self._calls = calls
        self._limit = limit
        self._fields = fields
        self._trail = Trail(cursor, forward=forward)
        self._may_restart = forward and cursor is None
        self._restarts = 0
        self._shown: set[tuple[str | None, str | None]] = set()

    def turn(self) -> Exchange[Page | None]:
        """The next page; None after the last. A page may be empty of users where all of it was shown before."""
        if self._trail.ended:
            return None
        page, links = yield from self._page()
        users = [user for user in page.users if (user.wa_id, user.user_id) not in self._shown]
        self._shown.update((user.wa_id, user.user_id) for user in users)
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
