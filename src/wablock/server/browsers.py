"""Rules for browsers: how to recognise their requests, what to refuse, and which headers isolate an answer.

Any web page can make a browser send a request here, and a browser gives a script the rights of the origin that returned
it. All tenants share this origin, and each chooses an upstream. So a browser must not run an upstream's answer as a
script, and must not open it as a page.
"""

from typing import Final

from wablock.contract.errors import PermissionDenied
from wablock.server.answers import header_lines
from wablock.server.request import Request

# A browser sends Sec-Fetch-* only to https and to localhost, Origin with forms and scripts, and
# Upgrade-Insecure-Requests with links. Sec-Fetch-Mode does not count: Node's fetch sends it, too.
_SENT_BY_BROWSERS: Final = (
    b"origin",
    b"sec-fetch-dest",
    b"sec-fetch-site",
    b"sec-fetch-user",
    b"upgrade-insecure-requests",
)
_SERVICE_WORKER: Final = (b"service-worker", b"script")  # sent only to load a worker's script

OWN_PAGE: Final = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-opener-policy": b"same-origin",  # neither an opener nor an opened page gets a handle
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
        (b"access-control-allow-origin", b"*"),  # as on every answer: readers need the token
        (b"access-control-expose-headers", b", ".join(_READABLE)),
        (b"cache-control", b"private, no-store"),  # a tenant's answer must not be cached under our address
        (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
    )
)
"""The headers of an upstream's answer: a browser must not guess its type, run it, or give it this origin's rights."""


def is_sent_by_browser(request: Request) -> bool:
    """Whether a browser sent the request."""
    return any(name in request.last_values for name in _SENT_BY_BROWSERS)


def refuse_service_worker(request: Request) -> None:
    """Raise `PermissionDenied` for a service worker: it could read all traffic of its origin, even others' tokens."""
    if _SERVICE_WORKER in request.headers:
        raise PermissionDenied("Service workers are not allowed here.")
