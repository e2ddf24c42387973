"""Requests to `/dev`: their parameters and bodies."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from wablock.block_list.ports import Rules
from wablock.server.decoding import decoded
from wablock.server.request import Request

T = TypeVar("T")

DevHandler = Callable[[Request], Awaitable[Any]]
"""Gives what is answered, as JSON; None: that it is done."""

_LARGEST_BODY: Final = 64 * 1_048_576  # a seed may have many users


async def said(request: Request, kind: type[T]) -> T:
    """The body, as `kind`; raises `InvalidParameter`, naming the place."""
    return decoded(await request.body(_LARGEST_BODY, proven=True), kind, tuple(Rules))
