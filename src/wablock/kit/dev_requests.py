"""The bodies of requests to `/dev`, parsed into their types."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from wablock.block_list.ports import Rules
from wablock.server.decoding import decoded
from wablock.server.request import Request

T = TypeVar("T")

DevHandler = Callable[[Request], Awaitable[Any]]
"""Returns the response as JSON; None means success without content."""

_LARGEST_BODY: Final = 64 * 1_048_576  # a seed may have many users


async def read_body(request: Request, kind: type[T]) -> T:
    """The body as `kind`; raises `InvalidParameter` with the position of the error."""
    return decoded(await request.body(_LARGEST_BODY, proven=True), kind, tuple(Rules))
