"""The interface between the client's core and its shells: requests to send, and times to wait. No I/O here.

An `Exchange` is a generator. When it yields an `HttpRequest`, the shell sends the request and passes the `HttpResponse`
back, or `Lost` if there was no response. When it yields a `Wait`, the shell waits and passes None back. At the end the
generator returns the result of the call.
"""

from collections.abc import Generator, Mapping
from typing import TypeVar

import msgspec

T = TypeVar("T")


class HttpRequest(msgspec.Struct, frozen=True):
    """One HTTP request. `path` includes the query. The shell adds the base URL, the token and its own headers."""

    method: str
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


class HttpResponse(msgspec.Struct, frozen=True):
    """One complete HTTP response. The names in `headers` are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class Lost(msgspec.Struct, frozen=True):
    """No response arrived. The server may have received the request, if it `was_sent`. `reason` is one line."""

    reason: str
    was_sent: bool = True


class Wait(msgspec.Struct, frozen=True):
    """A pause before the next request, in seconds."""

    seconds: float


Step = HttpRequest | Wait
Exchange = Generator[Step, HttpResponse | Lost | None, T]
