"""A server's application, called on the test's own event loop, without a connection."""

from tests.strangers import Sent

from wablock.server.protocol.connections import Application
from wablock.server.request import request


async def status_of(application: Application, path: str, sent: Sent, **headers: str) -> int:
    """What it answers to a POST; an underscore in a header's name is a dash."""
    sent_headers = {"host": "wablock", "content-type": sent.content_type} | headers
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent_headers.items()]
    return (await application(request("POST", path, lines, sent.body))).status
