"""The client's calls about the members of a list, which only wablock has. No I/O here."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET, UnsetType

from wablock.client.answers import AddedMembers, ListMember, MembersAnswer, Page, ReadPaging, RemovedMember, UserDone
from wablock.client.chunked import ChunkResult, changed_in_chunks
from wablock.client.exchange import Exchange, HttpRequest, HttpResponse
from wablock.client.failures import ApiError, ListsUnsupported, NoAnswer, UnknownObject
from wablock.client.keys import RequestKeys, random_key
from wablock.client.retrying import Retries, decoded_response
from wablock.client.trail import PageLinks
from wablock.contract.wire import LAST_PAGE, Time, User, seconds_of

_T = TypeVar("_T", bound=msgspec.Struct)

LISTS: Final = "/v1/lists"
_UNKNOWN_PATH: Final = 2500
_NOT_FOUND: Final = 404
_NO_SEGMENTS: Final = ("", ".", "..")  # a URL cannot end with these; nor with a slash, also if it is encoded


class _MembersRequest(msgspec.Struct, omit_defaults=True):
    users: list[User]
    source: str | None = None
    batch_id: str | None = None
    if_listed: str | None = None


class _EditRequest(msgspec.Struct, omit_defaults=True):
    reason: str | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET


class MemberCalls:
    """The calls for the list `list_id`. A number's own list has the number's id."""

    def __init__(
        self,
        list_id: str,
        retries: Retries,
        chance: Callable[[], float],
        new_key: Callable[[], str] = random_key,
    ) -> None:
        self._list_id = list_id
        self._new_key = new_key
        self._path = f"{path_of_list(list_id)}/members"
        self._retries = retries
        self._chance = chance

    def of(self, list_id: str | None) -> "MemberCalls":
        """The calls for another list; None: for this one."""
        return self if list_id is None else MemberCalls(list_id, self._retries, self._chance, self._new_key)

    def linked_page(
        self, limit: int | None, after: str | None, before: str | None, _fields: str | None
    ) -> Exchange[tuple[Page, PageLinks]]:
        """A page of `ListMember`s, and its links. A page without `next` is the last: only wablock has these pages."""
        parameters = {"limit": limit, "after": after, "before": before}
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        request = HttpRequest("GET", self._path + (f"?{query}" if query else ""))
        body, _ = yield from self._decoded(request, MembersAnswer)
        paging = body.paging or ReadPaging()
        links = PageLinks(not body.data, paging, "" if paging.next else LAST_PAGE)
        return links.page(list(body.data), by_cursor=(after or before) is not None), links

    def add(
        self,
        users: Iterable[User],
        source: str | None,
        batch_id: str | None,
        if_listed: str,
        key: str | None = None,
    ) -> Exchange[list[UserDone]]:
        """Add `users`. Raises `ListsUnsupported`, and nothing was changed, if the server has no lists."""
        keys = RequestKeys(key, self._retries, self._new_key)

        def send(chunk: list[User]) -> Exchange[ChunkResult]:
            body = msgspec.json.encode(_MembersRequest(chunk, source, batch_id, if_listed))
            request = HttpRequest("POST", self._path, body, keys.headers())
            added, response = yield from self._decoded(request, AddedMembers)
            return ChunkResult(added.members, added.failed, response)

        return (yield from changed_in_chunks(users, send))

    def member(self, user: str) -> Exchange[ListMember]:
        member, _ = yield from self._decoded(HttpRequest("GET", self._of(user)), ListMember)
        return member

    def edit(
        self,
        user: str,
        reason: str | UnsetType | None,
        note: str | UnsetType | None,
        expires_at: Time | UnsetType | None,
        etag: str | None,
        key: str | None = None,
    ) -> Exchange[ListMember]:
        end = expires_at if expires_at is None or expires_at is UNSET else seconds_of(expires_at)
        body = msgspec.json.encode(_EditRequest(reason, note, end))
        headers = RequestKeys(key, self._retries, self._new_key).headers()
        if etag is not None:
            headers += (("if-match", f'"{etag}"'),)
        member, _ = yield from self._decoded(HttpRequest("PATCH", self._of(user), body, headers), ListMember)
        return member

    def remove(self, user: str, reason: str | None = None, key: str | None = None) -> Exchange[RemovedMember]:
        query = "" if reason is None else f"?{urlencode({'reason': reason})}"
        headers = RequestKeys(key, self._retries, self._new_key).headers()
        request = HttpRequest("DELETE", self._of(user) + query, None, headers)
        removed, _ = yield from self._decoded(request, RemovedMember)
        return removed

    def _of(self, user: str) -> str:
        return f"{self._path}/{segment_of(user)}"

    def _decoded(self, request: HttpRequest, kind: type[_T]) -> Exchange[tuple[_T, HttpResponse]]:
        return (yield from response_of_lists(request, kind, (self._list_id,), self._retries, self._chance))


def segment_of(user: str) -> str:
    """The segment of a path that names the user. Raises `ValueError` for a text that would change the path."""
    if _is_no_segment(user):
        raise ValueError(f"A user must be a phone number with country code or a user_id, not {user!r}")
    return quote(user, safe="")


def path_of_list(list_id: str) -> str:
    """The path of a list. Raises `ValueError` for a text that would make it the path of something else."""
    if _is_no_segment(list_id):
        raise ValueError(f"list_id must be the id of a list, such as list_5f2c9a10b7e34d86, not {list_id!r}")
    return f"{LISTS}/{quote(list_id, safe='')}"


def _is_no_segment(text: str) -> bool:
    return text in _NO_SEGMENTS or "/" in text


def response_of_lists(
    request: HttpRequest, kind: type[_T], ids: Iterable[str], retries: Retries, chance: Callable[[], float]
) -> Exchange[tuple[_T, HttpResponse]]:
    """See `decoded_response`. Raises `ListsUnsupported` if the path does not exist. `ids`: those in the request."""
    try:
        return (yield from decoded_response(request, kind, retries, chance))
    except ApiError as error:
        if _is_unknown_path(error, ids):
            raise ListsUnsupported from error
        raise
    except NoAnswer as error:
        if error.status == _NOT_FOUND:
            raise ListsUnsupported from error
        raise


def _is_unknown_path(error: ApiError, ids: Iterable[str]) -> bool:
    """Whether the path does not exist. Graph reads the path's first part as an object's id."""
    unknown_id = isinstance(error, UnknownObject) and not any(it in error.message for it in ids)
    return error.code == _UNKNOWN_PATH or unknown_id
