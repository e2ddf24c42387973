"""What the core asks of whoever runs it: to send a request, or to wait. No I/O here.

An `Exchange` is a generator: it yields a `Request` and is sent its `Response`, or `Lost` where none came; it yields a
`Wait` and is sent None. What it returns is the result.
"""

from collections.abc import Generator, Mapping
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Request(msgspec.Struct, frozen=True):
    """One HTTP request. `path` has its query; the shell adds the base URL and the access token."""

    method: str
    path: str
    body: bytes | None = None


class Response(msgspec.Struct, frozen=True):
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


Step = Request | Wait
Exchange = Generator[Step, Response | Lost | None, T]
