"""What pages in a browser may do with a development server that runs beside it: nothing, without a token of their own.

The server's token is public by default, and loopback is no border to a browser: each page of the web can send requests
there. A browser says which page sent one, in `Origin` and `Sec-Fetch-Site`, and a page cannot change that.
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
    """`application`, for requests to its own hosts, by programs and by its own pages."""

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
                f"The host {', '.join(hosts)[:100]!r} is not this server's. "
                "If it is, start wablock dev with --allow-hosts and a --token of your own"
            )
        if _is_of_another_page(request, hosts[0]) and not _is_harmless(request):
            raise PermissionDenied(
                "A page of another origin needs a token of its own in the Authorization header: not the public one, "
                "and not in a parameter. Make one with POST /v1/tokens, or start wablock dev with --token"
            )


def _is_of_another_page(request: Request, host: str) -> bool:
    """Whether a browser sent the request for a page that is not this server's.

    `Origin` may lack in a GET, and an old browser sends no `Sec-Fetch-Site`; a program sends neither.
    """
    if any(site not in ("same-origin", "none") for site in request.values(b"sec-fetch-site")):
        return True
    return any(origin.partition("://")[2].lower() != host.lower() for origin in request.values(b"origin"))


def _is_harmless(request: Request) -> bool:
    """Whether the request brings a token that is not public, or can only read what needs none, as the reference."""
    token = header_token(request)
    if token is not None:  # but for a webhook, which is signed instead, with a secret that may be public
        return token != public_credentials.TOKEN and request.path != webhooks.PATH
    return request.method in _READING and b"access_token" not in unquote_to_bytes(request.query)
