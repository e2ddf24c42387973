"""The server under test, and the test users on it. No other user is ever changed."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import httpx2
import msgspec

from wablock.client.answers import ReadPaging
from wablock.client.failures import NoAnswer
from wablock.client.trail import PageLinks, PagesRepeat, Trail, page_links
from wablock.conformance.assertions import Differs, Skipped, holds, same, shown
from wablock.contract.wire import WHATSAPP

WRONG_TOKEN: Final = "wrong"
_RATE_LIMITS: Final = frozenset((4, 80007, 130429))
_MOST_WAITING: Final = 120.0  # seconds for all waits that the server requires
_MOST_PAGES: Final = 200


class CannotCheck(Exception):
    """The server cannot be checked at all; the message says what to do."""


class EndlessList(Differs):
    """The pages of the list repeat themselves."""


class SubjectAnswer(msgspec.Struct, frozen=True):
    """An HTTP response. `data` is its JSON, None if it is not JSON."""

    status: int
    headers: dict[str, str]
    text: str
    data: Any

    def json(self) -> Any:
        """The JSON of the response; raises `Differs` if it is not JSON."""
        if self.data is None:
            raise Differs("a JSON object", f"{self.status} {shown(self.text)}")
        return self.data

    def error(self) -> dict[str, Any]:
        """The error of a failed request; raises `Differs` if the request did not fail."""
        data = self.json()
        holds(isinstance(data.get("error"), dict), "a body with error", f"{self.status} {shown(self.text)}")
        error: dict[str, Any] = data["error"]
        return error

    def ok(self) -> Any:
        """The JSON of a successful response; raises `Differs` if the request failed."""
        same("status", self.status, 200)
        return self.json()


class RawBody(msgspec.Struct, frozen=True):
    """The bytes of a request's body. `content_type` None: there is no such header."""

    content: bytes | None
    content_type: str | None = "application/json"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The server under test and its test users. `stranger`: a user who has not written in the last 24 hours."""

    url: str
    token: str
    phone_number_id: str
    users: Sequence[str]
    rules: str = "open"
    version: str = "v25.0"
    stranger: str | None = None
    own_number: str | None = None
    timeout: float = 30.0


class Subject:
    """Sends requests to the server, and waits if the server requires it. `requests` counts them."""

    def __init__(self, settings: Settings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.users = list(settings.users)
        self.wa_ids = [re.sub(r"\D", "", user) for user in settings.users]
        self.requests = 0
        self._waited = 0.0
        self._sleep = sleep
        self._base = settings.url.rstrip("/")
        self._http = httpx2.Client(
            timeout=settings.timeout, follow_redirects=False, trust_env=False, verify=self._base.startswith("https://")
        )

    def close(self) -> None:
        self._http.close()

    @property
    def path(self) -> str:
        return self.path_under(self.settings.version)

    @property
    def origin(self) -> str:
        return self._base

    def path_under(self, version: str | None) -> str:
        return f"{f'/{version}' if version else ''}/{self.settings.phone_number_id}/block_users"

    def send(
        self,
        method: str,
        body: Any = None,
        *,
        path: str | None = None,
        query: dict[str, str] | None = None,
        token: str | None = "",
        headers: dict[str, str] | None = None,
    ) -> SubjectAnswer:
        """Send a request. `body`: a `RawBody`, or a value to send as JSON. `token` None: none; empty: the valid one.

        Raises `CannotCheck` if there is no response.
        """
        all_headers = dict(headers or {})
        if token is not None:
            all_headers["Authorization"] = f"Bearer {token or self.settings.token}"
        raw = body if isinstance(body, RawBody) else RawBody(None if body is None else msgspec.json.encode(body))
        if raw.content is not None and raw.content_type is not None:
            all_headers["Content-Type"] = raw.content_type
        url = self._base + (path or self.path)
        while True:
            self.requests += 1
            try:
                response = self._http.request(method, url, params=query, content=raw.content, headers=all_headers)
            except httpx2.HTTPError as error:
                raise CannotCheck(f"Cannot reach {self._base}: {str(error) or type(error).__name__}") from None
            answer = SubjectAnswer(
                response.status_code,
                {k.lower(): v for k, v in response.headers.items()},
                response.text,
                _parsed(response.content),
            )
            if not self._may_repeat(answer):
                return answer

    def block(self, *users: str) -> SubjectAnswer:
        return self.send("POST", request(users))

    def unblock(self, *users: str) -> SubjectAnswer:
        return self.send("DELETE", request(users))

    def get(self, **query: str | int) -> SubjectAnswer:
        return self.send("GET", query={name: str(value) for name, value in query.items()} or None)

    def listed(self, limit: int = 1_000) -> list[str]:
        """The `wa_id` or `user_id` of all users on the list.

        If the pages repeat, return the users before the first repetition. Only the checks of paging report repetitions.
        """
        ids: list[str] = []
        with suppress(EndlessList):
            for page in self._walk(limit):
                ids += [listed_id(row) for row in page["data"]]
        return ids

    def ours_listed(self, limit: int = 1_000) -> list[str]:
        """The test users that are on the list, in its order."""
        return [wa_id for wa_id in self.listed(limit) if wa_id in self.wa_ids]

    def pages(self, limit: int) -> list[dict[str, Any]]:
        """All pages of the list, read with `after`. An empty last page is left out, unless it is the only page.

        Raises `Skipped` if there are too many pages, and `EndlessList` if the pages repeat.
        """
        return list(self._walk(limit))

    def _walk(self, limit: int) -> Iterator[dict[str, Any]]:
        trail = Trail()
        count = 0
        while not trail.ended:
            if count >= _MOST_PAGES:
                raise Skipped(f"the list has more than {_MOST_PAGES} pages of {limit}")
            page, links = self._page(limit, trail)
            trail.arrive(links, new_users=not links.is_empty)
            if not count or not trail.ended or not links.is_empty:
                count += 1
                yield page

    def _page(self, limit: int, trail: Trail) -> tuple[dict[str, Any], PageLinks]:
        try:
            cursor = trail.step()
        except PagesRepeat as error:
            raise EndlessList("a list that ends", str(error)) from None
        except NoAnswer as error:
            raise Differs("a cursor where there is a next page", str(error)) from None
        answer = self.get(limit=limit) if cursor is None else self.get(limit=limit, after=cursor)
        page = answer.ok()
        holds(isinstance(page.get("data"), list), "a body with data", page)
        try:
            paging = msgspec.convert(page.get("paging"), ReadPaging | None)
        except msgspec.ValidationError as error:
            raise Differs("paging of the documented shape", str(error)) from None
        return page, page_links(is_empty=not page["data"], paging=paging, headers=answer.headers)

    def with_none_blocked(self) -> None:
        self.unblock(*self.users).ok()

    def with_blocked(self, count: int) -> None:
        """Block the first `count` test users, one after the other, and unblock the rest."""
        self.with_none_blocked()
        for user in self.users[:count]:
            self.block(user).ok()

    def _may_repeat(self, answer: SubjectAnswer) -> bool:
        """Whether the request may be sent again; waits as long as the server requires."""
        error = answer.data.get("error") if isinstance(answer.data, dict) else None
        code = error.get("code") if isinstance(error, dict) else None
        after = answer.headers.get("retry-after", "")
        if code not in _RATE_LIMITS or not after.isdigit() or self._waited + int(after) > _MOST_WAITING:
            return False
        self._waited += int(after)
        self._sleep(int(after))
        return True


def request(users: Sequence[str]) -> dict[str, Any]:
    """The body of a request for `users`."""
    return {"messaging_product": WHATSAPP, "block_users": [{"user": user} for user in users]}


def fields(users: Sequence[str]) -> dict[str, str]:
    """The same request as the fields of a form or a query."""
    return {"messaging_product": WHATSAPP, "block_users": msgspec.json.encode(request(users)["block_users"]).decode()}


def listed_id(row: Any) -> str:
    return str(row.get("wa_id") or row.get("user_id"))


def _parsed(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError):
        return None
