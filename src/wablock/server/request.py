"""One HTTP request, as every handler gets it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from wablock.contract.versions import answering_version
from wablock.failures import BodyTooLarge
from wablock.server.request_ids import RequestIds, request_ids

Headers = list[tuple[bytes, bytes]]

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class ClientWentAway(Exception):
    """The connection closed before the request was complete: no answer can be sent."""


class HangUp(Exception):
    """Raised to close the connection without an answer."""


class Body(Protocol):
    """The body of a request, which may still be arriving."""

    @property
    def received(self) -> bytes:
        """The bytes that have arrived so far."""

    @property
    def is_whole(self) -> bool:
        """Whether the body is complete."""

    async def read(self, largest: int, *, proven: bool) -> bytes:
        """See `Request.body`."""


class WholeBody:
    """A body that is complete from the beginning."""

    is_whole = True

    def __init__(self, content: bytes = b"") -> None:
        self.received = content

    async def read(self, largest: int, *, proven: bool = False) -> bytes:  # noqa: ARG002 - nothing is awaited
        if len(self.received) > largest:
            raise BodyTooLarge(largest)
        return self.received


NO_BODY: Final = WholeBody()


class Request(msgspec.Struct):
    """A request. Header names are in lower case; `path` is decoded; `raw_path` is as in the request line."""

    method: str
    path: str
    raw_path: bytes
    query: bytes
    headers: Headers
    last_values: dict[bytes, bytes]
    """The last value of each header."""
    incoming: Body = NO_BODY
    scheme: str = "http"
    address: str = "localhost"
    """The host and port that received the request."""
    parameters: Mapping[str, str] = _NOTHING
    """The values of the names in the route's template."""
    version: str = answering_version(None)
    """The Graph version of the answer."""
    ids: RequestIds = msgspec.field(default_factory=request_ids)

    def header(self, name: bytes) -> str | None:
        """The last value of a header; None if it was not sent."""
        value = self.last_values.get(name)
        return None if value is None else value.decode("latin-1")

    def values(self, name: bytes) -> list[str]:
        """All values of a header, in order."""
        if name not in self.last_values:
            return []
        return [value.decode("latin-1") for header, value in self.headers if header == name]

    async def body(self, largest: int, *, proven: bool = False) -> bytes:
        """The complete body. `proven`: whether the request has a valid token. If not, the body counts as a stranger's.

        Raises `BodyTooLarge` as soon as it exceeds `largest` bytes, `RequestTooSlow` if it does not arrive in time,
        `Overloaded` if too many unfinished bodies are in memory, and `ClientWentAway`.
        """
        return await self.incoming.read(largest, proven=proven)

    @property
    def base_url(self) -> str:
        """The scheme and host of the request; without a Host header, the address that received it."""
        return f"{self.scheme}://{self.header(b'host') or self.address}"


def request(method: str, path: str, headers: Headers, body: bytes = b"") -> Request:
    """A request without a connection."""
    return Request(method, path, path.encode(), b"", headers, dict(headers), WholeBody(body))
