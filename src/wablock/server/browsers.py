"""Browsers: how their requests are known, what they may not do here, and which headers keep an origin apart.

A browser sends what another page makes it send, and it runs what an origin answers. Tenants share this origin, and
each chooses an upstream: its answers must not act for the origin, and no link may open it.
"""

from typing import Final, NoReturn

from starlette.types import Scope

from wablock.contract.errors import PermissionDenied

# A browser sends Sec-Fetch-* to https and to this machine alone, Origin with forms and scripts, and
# Upgrade-Insecure-Requests with links. Sec-Fetch-Mode does not count: Node's fetch sends it, which is no browser.
_SENT_BY_BROWSERS: Final = frozenset(
    (b"origin", b"sec-fetch-dest", b"sec-fetch-site", b"sec-fetch-user", b"upgrade-insecure-requests")
)
_SERVICE_WORKER: Final = (b"service-worker", b"script")  # how a browser fetches the script of one, and nothing else

NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
OWN_PAGE: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",  # no page that opened ours, or that ours opened, has a hold on it
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
UNTRUSTED_DATA: Final = (
    (b"access-control-allow-origin", b"*"),  # as on every answer: who has the token may read
    (
        b"access-control-expose-headers",
        b"facebook-api-version, retry-after, x-app-usage, x-business-use-case-usage, x-fb-request-id, x-fb-trace-id",
    ),
    (b"cache-control", b"private, no-store"),  # a tenant's answer must not stay behind under our address
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    NO_SNIFFING,
)
"""The headers of an answer that is not ours: it is shown as what it is, runs nothing, and belongs to no origin."""


def sent(scope: Scope) -> bool:
    """Whether a browser sent the request."""
    return any(name in _SENT_BY_BROWSERS for name, _ in scope["headers"])


def installs_service_worker(scope: Scope) -> bool:
    return _SERVICE_WORKER in scope["headers"]


async def refuse_service_worker() -> NoReturn:
    """A service worker reads all that its origin sends and gets, tokens of other tenants too."""
    raise PermissionDenied("There is no service worker here")
