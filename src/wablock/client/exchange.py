"""What the core asks of whoever runs it: to send a request, or to wait. No I/O here.

An `Exchange` is a generator. It yields an `HttpRequest` and is sent its `HttpResponse`, or `Lost` where none came. It
yields a `Wait` and is sent None. It returns the result.
"""

from collections.abc import Generator, Mapping
from typing import TypeVar

import msgspec

T = TypeVar("T")


class HttpRequest(msgspec.Struct, frozen=True):
    """One HTTP request. `path` has its query; the shell adds the base URL and the access token."""

    method: str
    path: str
    body: bytes | None = None


class HttpResponse(msgspec.Struct, frozen=True):
    """One HTTP answer, whole. The names of `headers` are in small letters."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class Lost(msgspec.Struct, frozen=True):
    """No answer came; `reason` in one line. Whether the request arrived is not known."""

    reason: str


class Wait(msgspec.Struct, frozen=True):
    """Do nothing for so many seconds."""

    seconds: float


Step = HttpRequest | Wait
Exchange = Generator[Step, HttpResponse | Lost | None, T]
