"""The parts of an upstream's response that a caller gets. No I/O.

Any tenant may choose the upstream, and a browser treats its response as data of wablock's origin. Some headers would
change the browser's state for that origin (cookies, HSTS, Clear-Site-Data, Link, Refresh, Location). So only headers
that API clients read are returned. The media type is one that no browser executes or shows as a page.
"""

import re
from collections.abc import AsyncIterator, Iterable
from typing import Final

from wablock.gate.token_finder import SHORTEST_PART, TokenFinder

# The headers that clients of the Graph API read: the SDKs for PHP, Java, Ruby (koala's DEBUG_HEADERS) and C#, and
# programs that slow down by Meta's usage headers. Also rate limit headers of other gateways, and headers of the body.
_RETURNED: Final = frozenset(
    (
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-range",
        b"content-type",
        b"etag",
        b"facebook-api-version",
        b"last-modified",
        b"ratelimit",
        b"ratelimit-limit",
        b"ratelimit-policy",
        b"ratelimit-remaining",
        b"ratelimit-reset",
        b"retry-after",
        b"www-authenticate",
        b"x-ad-account-usage",
        b"x-app-usage",
        b"x-business-use-case-usage",
        b"x-fb-ads-insights-throttle",
        b"x-fb-debug",
        b"x-fb-request-id",
        b"x-fb-rev",
        b"x-fb-trace-id",
        b"x-page-usage",
        b"x-ratelimit-limit",
        b"x-ratelimit-remaining",
        b"x-ratelimit-reset",
        b"x-request-id",
    )
)
# For any other scheme (Basic, Digest, Negotiate, NTLM) a browser asks for a password, or sends the user's password.
_HARMLESS_CHALLENGE = re.compile(rb'(?:OAuth|Bearer)(?:[ ,]+(?:[a-z_]+=)?"[^"]*")*', re.IGNORECASE)
_TOKEN: Final = r"([!#-.^_`|~\w]+)"
_CONTENT_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}[ \t]*(?:;[ \t]*charset="?([\w-]+)"?)?.*', re.ASCII | re.DOTALL)
_DATA: Final = frozenset(("json", "octet-stream", "pdf", "zip"))
_UNKNOWN: Final = "application/octet-stream"
_CHARSETS: Final = frozenset(("utf-8", "us-ascii", "iso-8859-1", "windows-1252"))


def headers_back(headers: Iterable[tuple[bytes, bytes]], upstream_token: TokenFinder) -> list[tuple[bytes, bytes]]:
    """The `headers` that the caller may get. Their names are in lower case.

    There is exactly one Content-Type, and no header contains the upstream's token.
    """
    returned: list[tuple[bytes, bytes]] = []
    content_type = None
    for name, value in headers:
        if name not in _RETURNED or upstream_token.is_in(value):
            continue
        if name == b"content-type":
            content_type = content_type or value
        elif name != b"www-authenticate" or _HARMLESS_CHALLENGE.fullmatch(value):
            returned.append((name, value))
    return [(b"content-type", inert_type((content_type or b"").decode("latin-1")).encode()), *returned]


def inert_type(content_type: str) -> str:
    """A media type for the same bytes with which a browser does not execute them or show them as a page.

    JSON, plain text, images, audio, video and documents keep their type. Other text becomes plain text. JavaScript
    becomes JSON, because Graph has sent its JSON as text/javascript. Any other type becomes application/octet-stream,
    also XML types such as those of XHTML and SVG.
    """
    match = _CONTENT_TYPE.fullmatch(content_type.strip())
    if match is None:
        return _UNKNOWN
    kind, subtype, charset = match[1].lower(), match[2].lower(), (match[3] or "").lower()
    suffix = f"; charset={charset}" if charset in _CHARSETS else ""
    if subtype in ("javascript", "x-javascript"):
        return f"application/json{suffix}"
    if kind == "text":
        return f"text/{subtype if subtype == 'csv' else 'plain'}{suffix}"
    is_media = kind in ("image", "audio", "video")
    is_data = kind == "application" and (subtype in _DATA or subtype.endswith("+json") or subtype.startswith("vnd."))
    return f"{kind}/{subtype}{suffix}" if (is_media or is_data) and "xml" not in subtype else _UNKNOWN


async def masked(chunks: AsyncIterator[bytes], upstream_token: TokenFinder) -> AsyncIterator[bytes]:
    """`chunks` with the token replaced by as many asterisks. Graph writes the token into the next page's URL.

    Bytes that may be the beginning of a token wait for the next chunk. All other bytes are returned at once. A token
    that is shorter than `SHORTEST_PART` is not replaced: it may be a word of the response.
    """
    spellings = [it for it in upstream_token.plain_spellings if len(it) >= SHORTEST_PART]
    if not spellings:
        async for chunk in chunks:
            yield chunk
        return
    pending = b""
    async for chunk in chunks:
        text = pending + chunk
        for spelling in spellings:
            text = text.replace(spelling, b"*" * len(spelling))
        waiting = max(_beginning(text, spelling) for spelling in spellings)
        text, pending = text[: len(text) - waiting], text[len(text) - waiting :]
        if text:
            yield text
    if pending:
        yield pending


def _beginning(text: bytes, spelling: bytes) -> int:
    """The number of bytes at the end of `text` that are the beginning of `spelling`."""
    longest = min(len(spelling) - 1, len(text))
    return next((length for length in range(longest, 0, -1) if text.endswith(spelling[:length])), 0)
