"""Calls of a server's application on the test's own event loop, without a connection."""

from tests.strangers import PostedBody

from wablock.server.protocol.connections import Application
from wablock.server.request import request


async def status_of(application: Application, path: str, posted: PostedBody, **headers: str) -> int:
    """The status of the answer to a POST. An underscore in a header's name stands for a dash."""
    all_headers = {"host": "wablock", "content-type": posted.content_type} | headers
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in all_headers.items()]
    return (await application(request("POST", path, lines, posted.body))).status
