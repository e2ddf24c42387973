"""Calls of an ASGI application on the test's own event loop."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

from tests.strangers import PostedBody

from wablock.middleware.asgi import ASGIApp


async def status_of(application: ASGIApp, path: str, posted: PostedBody, **headers: str) -> int:
    """The status of the answer to a POST. An underscore in a header's name stands for a dash."""
    all_headers = {
        "host": "wablock",
        "content-type": posted.content_type,
        "content-length": str(len(posted.body)),
    } | headers
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in all_headers.items()],
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": posted.body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await application(scope, receive, send)
    (status,) = statuses
    return status


async def statuses_of(sending: Iterator[Coroutine[Any, Any, int]]) -> set[int]:
    """Run them one after the other. A thread makes each, so that the event loop does only the application's work."""
    statuses = set()
    while (answering := await asyncio.to_thread(next, sending, None)) is not None:
        statuses.add(await asyncio.create_task(answering))
    return statuses
