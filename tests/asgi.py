"""An ASGI application, called on the test's own event loop."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

from tests.strangers import Sent

from wablock.middleware.asgi import ASGIApp


async def status_of(application: ASGIApp, path: str, sent: Sent, **headers: str) -> int:
    """What it answers to a POST; an underscore in a header's name is a dash."""
    sent_headers = {
        "host": "wablock",
        "content-type": sent.content_type,
        "content-length": str(len(sent.body)),
    } | headers
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent_headers.items()],
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": sent.body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await application(scope, receive, send)
    (status,) = statuses
    return status


async def statuses_of(sending: Iterator[Coroutine[Any, Any, int]]) -> set[int]:
    """One after the other, each made in a thread: the event loop has the application's work to do, and no other."""
    statuses = set()
    while (answering := await asyncio.to_thread(next, sending, None)) is not None:
        statuses.add(await asyncio.create_task(answering))
    return statuses
