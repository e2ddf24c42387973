"""Browsers: how their requests are known, what they may not do here, and which headers keep an origin apart.

A browser sends what another page makes it send, and it runs what an origin answers. Tenants share this origin, and
each chooses an upstream: its answers must not act for the origin, and no link may open it.
"""

from typing import Final

from wablock.contract.errors import PermissionDenied
from wablock.server.answers import header_lines
from wablock.server.request import Request

# A browser sends Sec-Fetch-* to https and to this machine alone, Origin with forms and scripts, and
# Upgrade-Insecure-Requests with links. Sec-Fetch-Mode does not count: Node's fetch sends it, which is no browser.
_SENT_BY_BROWSERS: Final = (
    b"origin",
    b"sec-fetch-dest",
    b"sec-fetch-site",
    b"sec-fetch-user",
    b"upgrade-insecure-requests",
)
_SERVICE_WORKER: Final = (b"service-worker", b"script")  # how a browser fetches the script of one, and nothing else

OWN_PAGE: Final = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-opener-policy": b"same-origin",  # no page that opened ours, or that ours opened, has a hold on it
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
_READABLE: Final = (
    b"facebook-api-version",
    b"retry-after",
    b"x-app-usage",
    b"x-business-use-case-usage",
    b"x-fb-request-id",
    b"x-fb-trace-id",
)
UNTRUSTED_DATA: Final = header_lines(
    (
        (b"access-control-allow-origin", b"*"),  # as on every answer: who has the token may read
        (b"access-control-expose-headers", b", ".join(_READABLE)),
        (b"cache-control", b"private, no-store"),  # a tenant's answer must not stay behind under our address
        (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
    )
)
"""The headers of an answer that is not ours: it is shown as what it is, runs nothing, and belongs to no origin."""


def sent(request: Request) -> bool:
    """Whether a browser sent the request."""
    return any(name in request.last_values for name in _SENT_BY_BROWSERS)


def refuse_service_worker(request: Request) -> None:
    """A service worker reads all that its origin sends and gets, tokens of other tenants too."""
    if _SERVICE_WORKER in request.headers:
        raise PermissionDenied("There is no service worker here")
