"""The guard of a development server: requests from web pages need a token that is not public.

The server's token is public by default, and every web page can make a browser send requests to loopback. The browser
reports the page in `Origin` and `Sec-Fetch-Site`, and a page cannot change these headers.
"""

import logging
from typing import Final
from urllib.parse import unquote_to_bytes

from wablock import public_credentials
from wablock.contract.errors import GraphError, PermissionDenied
from wablock.kit.hosts import OwnHosts
from wablock.server.answers import Answer, failure
from wablock.server.credentials import header_token
from wablock.server.endpoints import webhooks
from wablock.server.protocol.connections import Application
from wablock.server.request import Request

_log = logging.getLogger("wablock.server")

_READING: Final = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Forwards requests for known hosts to `application`. Requests from other servers' pages must also be harmless."""

    def __init__(self, application: Application, hosts: OwnHosts) -> None:
        self._application = application
        self._hosts = hosts

    async def __call__(self, request: Request) -> Answer:
        try:
            self._check(request)
        except GraphError as error:
            _log.warning("a request was refused: %s", error.details or error)
            return failure(error, request.ids, request.version)
        return await self._application(request)

    def _check(self, request: Request) -> None:
        hosts = request.values(b"host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            raise PermissionDenied(
                f"The host {', '.join(hosts)[:100]!r} is not known to this server. "
                "To allow it, start wablock dev with --allow-hosts and your own --token"
            )
        if _is_of_another_page(request, hosts[0]) and not _is_harmless(request):
            raise PermissionDenied(
                "A page of another origin needs a token that is not public, in the Authorization header and not in a "
                "parameter. Create one with POST /v1/tokens, or start wablock dev with --token"
            )


def _is_of_another_page(request: Request, host: str) -> bool:
    """Whether a browser sent the request for a page of another server.

    `Origin` may be missing in a GET, and old browsers send no `Sec-Fetch-Site`; programs send neither.
    """
    if any(site not in ("same-origin", "none") for site in request.values(b"sec-fetch-site")):
        return True
    return any(origin.partition("://")[2].lower() != host.lower() for origin in request.values(b"origin"))


def _is_harmless(request: Request) -> bool:
    """Whether the request has a token that is not public, or can only read a path that needs no token."""
    token = header_token(request)
    if token is not None:
        # Not for webhooks: their signature replaces the token, and its secret may be public.
        return token != public_credentials.TOKEN and request.path != webhooks.PATH
    return request.method in _READING and b"access_token" not in unquote_to_bytes(request.query)
