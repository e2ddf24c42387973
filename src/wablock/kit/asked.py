"""What a request to `/dev` says, read."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from starlette.requests import Request

from wablock.block_list.ports import Rules
from wablock.server import request as requests
from wablock.server.manage import decoded

T = TypeVar("T")

Handler = Callable[[Request], Awaitable[Any]]
"""Gives what is answered, as JSON; None: that it is done."""

_LARGEST_BODY: Final = 64 * 1_048_576  # a seed may have many users


async def said(request: Request, kind: type[T]) -> T:
    """The body, as `kind`; raises `InvalidParameter`, naming the place."""
    body = await requests.body(request.receive, requests.headers(request.scope), _LARGEST_BODY)
    return decoded(body, kind, tuple(Rules))
