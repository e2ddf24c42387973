"""The part that both clients share: the base URL, the token, the core, and the reading of an HTTP client's results."""

import random
from abc import ABC, abstractmethod
from typing import Any, Final, Generic, TypeVar

import httpx2

from wablock.client.calls import Calls
from wablock.client.event_calls import EventCalls
from wablock.client.exchange import HttpRequest, HttpResponse, Lost
from wablock.client.lists import ListCalls
from wablock.client.numbers import NumberCalls
from wablock.client.retrying import Retries
from wablock.client.subscriptions import SubscriptionCalls
from wablock.contract.wire import EFFECTS_HEADER, ON_BEHALF_OF_HEADER
from wablock.printable import printable

META: Final = "https://graph.facebook.com"

_Http = TypeVar("_Http", httpx2.Client, httpx2.AsyncClient)


class Shell(ABC, Generic[_Http]):
    """The part that both shells share: the base URL, the token, the core."""

    def __init__(
        self,
        token: str,
        phone_number_id: str,
        *,
        base_url: str = META,
        version: str | None = "v25.0",
        timeout: float = 30.0,
        retries: Retries | None = None,
        http: _Http | None = None,
        on_behalf_of: str | None = None,
    ) -> None:
        """`base_url`: the API's address, by default Meta's. `version`: None for paths without a version. `timeout`:
        seconds to wait for one response. `http`: an HTTP client to use instead of a new one; the caller closes it.
        `on_behalf_of`: the person that the caller acts for. wablock records it with each change.

        Raises `ValueError` for an invalid argument.
        """
        retries = retries or Retries()
        self._calls = Calls(phone_number_id, version, retries, random.random)
        self._number_calls = NumberCalls(phone_number_id, retries, random.random)
        self._list_calls = ListCalls(phone_number_id, retries, random.random)
        self._event_calls = EventCalls(retries, random.random)
        self._subscription_calls = SubscriptionCalls(retries, random.random)
        self._base_url = _checked_url(base_url)
        self._headers = {
            "authorization": f"Bearer {_checked_token(token)}",
            "content-type": "application/json",
            EFFECTS_HEADER: "1",
        }
        self._headers_of_changes = {} if on_behalf_of is None else {ON_BEHALF_OF_HEADER: _checked_person(on_behalf_of)}
        self._timeout = timeout
        self._owns_http = http is None
        self._http: _Http = self._new_http() if http is None else http

    @property
    def _is_tls(self) -> bool:
        """Whether the client needs the trusted certificates. Loading them takes 20 ms, so http:// skips it."""
        return self._base_url.startswith("https://")

    @abstractmethod
    def _new_http(self) -> _Http: ...

    def _request(self, request: HttpRequest) -> dict[str, Any]:
        """The arguments for either HTTP client. Redirects are not followed: the token must go only to this server."""
        changes = {} if request.method == "GET" else self._headers_of_changes
        return {
            "method": request.method,
            "url": self._base_url + request.path,
            "headers": self._headers | changes | dict(request.headers),
            "content": request.body,
            "timeout": self._timeout,
            "follow_redirects": False,
        }


def response_of(response: httpx2.Response) -> HttpResponse:
    return HttpResponse(response.status_code, response.content, response.headers)


def lost(error: httpx2.HTTPError) -> Lost:
    was_sent = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
    return Lost(str(error) or type(error).__name__, was_sent)


def _checked_url(url: str) -> str:
    try:
        parts = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        parts = httpx2.URL("")
    # httpx2 would send a password in the URL instead of the token, and error messages would show it.
    if parts.scheme not in ("http", "https") or not parts.host or parts.query or parts.fragment or parts.userinfo:
        raise ValueError("base_url must begin with http:// or https://, have a host, and have no password or query")
    return url.rstrip("/")


def _checked_token(token: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("token must be printable ASCII without spaces")
    return token


def _checked_person(name: str) -> bytes:
    """The name as the value of a header."""
    name = name.strip()
    if not name or printable(name) != name:
        raise ValueError(f"on_behalf_of must be a name of printable characters, such as maria, not {name!r}")
    return name.encode()
