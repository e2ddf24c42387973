"""What pages in a browser may do with a development server that runs beside it: nothing, without a token of their own.

The server's token is public by default, and loopback is no border to a browser: each page of the web can send requests
there. A browser says which page sent one, in `Origin` and `Sec-Fetch-Site`, and a page cannot change that.
"""

import logging
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from wablock import public_credentials
from wablock.contract.errors import GraphError, PermissionDenied
from wablock.contract.versions import answering_version
from wablock.kit.hosts import OwnHosts
from wablock.server import request as requests
from wablock.server import webhooks
from wablock.server.answers import failure, request_ids, send_answer
from wablock.server.credentials import header_token

_log = logging.getLogger("wablock.server")

_READING: Final = ("GET", "HEAD", "OPTIONS")


class Guard:
    """`app`, for requests to its own hosts, by programs and by its own pages."""

    def __init__(self, app: ASGIApp, hosts: OwnHosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(scope)
            except GraphError as error:
                _log.warning("a request was refused: %s", error.details or error)
                await send_answer(send, failure(error, request_ids(), answering_version(None)))
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            raise PermissionDenied(
                f"The host {', '.join(hosts)[:100]!r} is not this server's. "
                "If it is, start wablock dev with --allow-hosts and a --token of your own"
            )
        if _is_of_another_page(scope, hosts[0]) and not _is_harmless(scope):
            raise PermissionDenied(
                "A page of another origin needs a token of its own in the Authorization header: not the public one, "
                "and not in a parameter. Make one with POST /v1/tokens, or start wablock dev with --token"
            )


def _is_of_another_page(scope: Scope, host: str) -> bool:
    """Whether a browser sent the request for a page that is not this server's.

    `Origin` may lack in a GET, and an old browser sends no `Sec-Fetch-Site`; a program sends neither.
    """
    if any(site not in ("same-origin", "none") for site in _values(scope, b"sec-fetch-site")):
        return True
    return any(origin.partition("://")[2].lower() != host.lower() for origin in _values(scope, b"origin"))


def _is_harmless(scope: Scope) -> bool:
    """Whether the request brings a token that is not public, or can only read what needs none, as the reference."""
    token = header_token(requests.headers(scope))
    if token is not None:  # but for a webhook, which is signed instead, with a secret that may be public
        return token != public_credentials.TOKEN and scope["path"] != webhooks.PATH
    return scope["method"] in _READING and b"access_token" not in unquote_to_bytes(scope["query_string"])


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for header, value in scope["headers"] if header == name]
