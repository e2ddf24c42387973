"""What of an upstream's answer goes back to a caller. No I/O.

The answer is data of a server that any tenant may choose, and browsers read it on wablock's own origin. A header that a
browser obeys would act for that origin (cookies, HSTS, Clear-Site-Data, Link, Refresh, Location), so only those pass
that programs read. The media type is one that no browser runs or draws as a page.
"""

import re
from collections.abc import AsyncIterator, Iterable
from typing import Final

from wablock.gate.token_finder import SHORTEST_PART, TokenFinder

# What clients of the Graph API read: the SDKs for PHP, Java, Ruby (koala's DEBUG_HEADERS) and C#, and programs that
# slow down by Meta's usage headers. Then what other gateways say of their rates, and what describes the body.
_PASSED_BACK: Final = frozenset(
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
# Browsers ask for a password, or send the user's, for every other scheme: Basic, Digest, Negotiate, NTLM.
_HARMLESS_CHALLENGE = re.compile(rb'(?:OAuth|Bearer)(?:[ ,]+(?:[a-z_]+=)?"[^"]*")*', re.IGNORECASE)
_TOKEN: Final = r"([!#-.^_`|~\w]+)"
_CONTENT_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}[ \t]*(?:;[ \t]*charset="?([\w-]+)"?)?.*', re.ASCII | re.DOTALL)
_DATA: Final = frozenset(("json", "octet-stream", "pdf", "zip"))
_UNKNOWN: Final = "application/octet-stream"
_CHARSETS: Final = frozenset(("utf-8", "us-ascii", "iso-8859-1", "windows-1252"))


def headers_back(headers: Iterable[tuple[bytes, bytes]], upstream_token: TokenFinder) -> list[tuple[bytes, bytes]]:
    """Those of `headers`, with small names, that may pass; one Content-Type, and none with the upstream's token."""
    back: list[tuple[bytes, bytes]] = []
    content_type = None
    for name, value in headers:
        if name not in _PASSED_BACK or upstream_token.is_in(value):
            continue
        if name == b"content-type":
            content_type = content_type or value
        elif name != b"www-authenticate" or _HARMLESS_CHALLENGE.fullmatch(value):
            back.append((name, value))
    return [(b"content-type", inert_type((content_type or b"").decode("latin-1")).encode()), *back]


def inert_type(content_type: str) -> str:
    """A media type for the same bytes that makes a browser neither run them nor draw them as a page.

    JSON, plain text, pictures, sound, films and documents keep theirs. Other text is plain text, and JavaScript is
    JSON: Graph has sent its JSON as text/javascript. All else is bytes, HTML's and SVG's kin with it.
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
    """`chunks` with asterisks, as many, in the place of the token: Graph writes it into the next page's address.

    What may be the beginning of a token waits for the next chunk; everything else goes on at once. A short token stays:
    it may be a word of the answer.
    """
    spellings = [it for it in upstream_token.plain_spellings if len(it) >= SHORTEST_PART]
    if not spellings:
        async for chunk in chunks:
            yield chunk
        return
    kept = b""
    async for chunk in chunks:
        text = kept + chunk
        for spelling in spellings:
            text = text.replace(spelling, b"*" * len(spelling))
        waiting = max(_beginning(text, spelling) for spelling in spellings)
        text, kept = text[: len(text) - waiting], text[len(text) - waiting :]
        if text:
            yield text
    if kept:
        yield kept


def _beginning(text: bytes, spelling: bytes) -> int:
    """How many bytes at the end of `text` are the beginning of `spelling`."""
    longest = min(len(spelling) - 1, len(text))
    return next((length for length in range(longest, 0, -1) if text.endswith(spelling[:length])), 0)
